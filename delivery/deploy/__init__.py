"""What a deploy does, step by step, and its way back."""
