"""Drills: faults that are put into a change or into what runs, each with the gate that must stop it."""
