"""What makes a project of this template, and what a project keeps of it."""
