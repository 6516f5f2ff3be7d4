"""Commands that deploy a revision step by step, and that roll back."""
