"""The AWS of a rehearsal: ministack, and what it lacks to tell a good deploy from a bad one."""

# What the patches in this package were written for; rehearsal/aws/patches.py refuses any other.
MINISTACK = "1.5.33"
