"""A quiz: the real workflows run with an unnamed fault, and a student answers questions."""
