"""The page that shows what runs here: the example of this template, yours to replace."""
