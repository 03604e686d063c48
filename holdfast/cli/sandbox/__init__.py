"""The commands of `holdfast sandbox`: what happens in the pretended outside world."""
