"""Commands that make a project of this template and that update it."""
