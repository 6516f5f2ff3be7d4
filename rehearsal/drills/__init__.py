"""Drills: faults in a change or in what runs, each with the gate that must stop it."""
