"""What is running here, and what ran before."""
