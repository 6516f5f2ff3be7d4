"""A quiz: a fault that is not named, the real workflows, and questions about what they did."""
