"""The three workflows on one machine: act simulates GitHub, ministack and Docker simulate AWS."""
