"""The three workflows, run on one machine: act plays GitHub, ministack and Docker play AWS."""
