"""The environments, with what may deploy to each, and the workflow that does."""

# The branch main, or a version's tag.
SOURCES = {"staging": ("branch", "main"), "production": ("tag", "v*.*.*")}
DEPLOYED_BY = {"staging": "deploy-staging.yml", "production": "deploy-prod.yml"}
ENVIRONMENTS = SOURCES.keys()
