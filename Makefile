# A menu; what each does stands in scripts/.
.DEFAULT_GOAL := help
.PHONY: help run dev shell test test-rehearsal check pipeline pipeline-down drills soak docs-test docs format requirements

help: ## Show this menu
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Serve on http://127.0.0.1:8000 with the embedded defaults (PORT=8001 for another port)
	@scripts/run

dev: ## Serve with reload on changes, and with sample releases to look at (PORT=8001 for another port)
	@scripts/dev

shell: ## Open a Python shell with the models, on the embedded defaults
	@scripts/bootstrap run
	@.venv/bin/python manage.py shell

test: ## Run the tests on real MySQL and Redis (ARGS="apps/health -x" for a part)
	@scripts/test $(ARGS)

test-rehearsal: ## Run the tests of the rehearsal
	@scripts/check --rehearsal

check: ## Run every gate of test.yml but the scan for secrets
	@scripts/check

pipeline: ## Rehearse: a change from pull request to production, on this machine (YES=1: approve it)
	@scripts/start-docker --install
	@scripts/bootstrap test
	@.venv/bin/python -m rehearsal pipeline $(if $(YES),--yes)

pipeline-down: ## Remove everything that rehearsals made, and only that
	@scripts/bootstrap test
	@.venv/bin/python -m rehearsal down

drills: ## Rehearse what goes wrong: each fault must be stopped at its gate (ARGS="--fast" for 10 minutes)
	@scripts/start-docker --install
	@scripts/bootstrap test
	@.venv/bin/python -m rehearsal drill $(or $(ARGS),--all)

soak: ## Show that nothing is red by chance: tests, pipeline and fast drills, N times beside busy loops (N=5)
	@scripts/bootstrap test
	@.venv/bin/python -m rehearsal.soak --runs $(or $(N),5) $(ARGS)

# only with: releases
.PHONY: tutorial
tutorial: ## Run the tutorial in a copy, and compare what it prints with its pages (LESSON=3: one)
	@scripts/start-docker --install
	@scripts/bootstrap test
	@.venv/bin/python -m delivery.docs.run_docs --kind rehearsal docs/tutorial/$(LESSON)*.md

# until here: releases
docs-test: ## Run the commands of the other pages that take long, and compare what they print
	@scripts/bootstrap test
	@.venv/bin/python -m delivery.docs.run_docs --kind slow

docs: ## Build the site of the documentation, with a sample of the rehearsal's report
	@scripts/bootstrap docs
	@.venv/bin/python -m delivery.docs.build_docs

# only with: template
.PHONY: bench bench-pipeline
bench: ## Measure against other projects, in one run
	@scripts/bootstrap test
	@scripts/with-services -- .venv/bin/python -m bench $(ARGS)

bench-pipeline: ## Measure the pipeline against the guide's, in one run of the rehearsal each
	@scripts/start-docker --install
	@scripts/bootstrap test
	@.venv/bin/python -m bench.pipeline

# until here: template
format: ## Put the code in its form
	@scripts/bootstrap test
	@.venv/bin/ruff check --fix .
	@.venv/bin/black --quiet .

requirements: ## Pin the newest versions that requirements*.in allow, with hashes
	@scripts/bootstrap test
	@scripts/pin-requirements
