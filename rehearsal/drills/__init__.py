"""Drills: faults in a change or in an environment, each with the gate that must stop it."""
