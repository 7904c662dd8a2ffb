"""What the language model says about a settled trade."""
