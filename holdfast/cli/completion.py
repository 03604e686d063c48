"""`holdfast completion`: completes commands and options in a shell."""

from typing import Literal


def completion(shell: Literal["bash", "zsh", "fish"], /, *, install: bool = False) -> None:
    """Prints the completion script of a shell, or installs it.

    For example:
      eval "$(holdfast completion bash)"
      holdfast completion zsh --install

    Parameters
    ----------
    shell
        The shell to complete in.
    install
        Write the script where the shell looks for it, and load it in the shell's start-up file.
    """
    from holdfast.cli.app import app

    if install:
        path = app.install_completion(shell=shell)
        print(f"Installed {path}; open a new shell to use it.")
    else:
        print(app.generate_completion(shell=shell))
