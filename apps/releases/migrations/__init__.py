"""The way of the table from a first, naive shape to the present one."""
