# A menu; what each does stands in scripts/.
.DEFAULT_GOAL := help
.PHONY: help run dev shell test check docs-test docs format requirements upgrade

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

check: ## Run every gate of test.yml but the scan for secrets
	@scripts/check

docs-test: ## Run the commands of the pages that take long, and compare what they print
	@scripts/bootstrap test
	@.venv/bin/python -m delivery.docs.run_docs --kind slow
	@.venv/bin/python -m delivery.docs.run_docs --kind fork

docs: ## Build the site of the documentation
	@scripts/bootstrap docs
	@.venv/bin/python -m delivery.docs.build_docs

# only with: template
.PHONY: bench
bench: ## Measure against other projects, in one run
	@scripts/bootstrap test
	@scripts/with-services -- .venv/bin/python -m bench $(ARGS)

# until here: template
format: ## Put the code in its form
	@scripts/bootstrap test
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/black --quiet .
	@.venv/bin/ruff check .

requirements: ## Pin what is new in requirements*.in, with hashes; what is pinned stays as it is
	@scripts/bootstrap test
	@scripts/pin-requirements

upgrade: ## Pin the newest versions that requirements*.in allow
	@scripts/bootstrap test
	@scripts/pin-requirements --upgrade

# only with: rehearsal
-include rehearsal/Makefile
# until here: rehearsal
