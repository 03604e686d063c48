"""The diagrams in README.md and docs/states.md are those of the state machines' tables."""

from tools.make_state_diagrams import PAGE, README, page, readme


def test_the_readme_has_the_diagrams_of_the_tables() -> None:
    text = README.read_text("utf-8")
    assert "<!-- states: order -->" in text
    assert readme(text) == text, "python -m tools.make_state_diagrams"


def test_the_page_of_states_is_as_the_tables_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tools.make_state_diagrams"
