# A menu. The targets call the commands in scripts/.
.DEFAULT_GOAL := help
.PHONY: help run dev shell test check docs-test docs format requirements upgrade

help: ## Show this menu
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
	/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Run

run: ## Serve under gunicorn on http://127.0.0.1:8000, with SQLite (PORT=8001: another port)
	@scripts/run

dev: ## Serve with reload on changes and with sample releases (PORT=8001: another port)
	@scripts/dev

shell: ## Open a Python shell with the models loaded, on SQLite
	@scripts/bootstrap run
	@.venv/bin/python manage.py shell

##@ Test
test: ## Run the tests on real MySQL and Redis (ARGS="apps/health -x": a part)
	@scripts/test $(ARGS)

check: ## Run every gate of test.yml except the secret scan
	@scripts/check

format: ## Format the code
	@scripts/bootstrap test
	@.venv/bin/ruff check --fix-only --quiet .
	@delivery/progress "Formatting" .venv/bin/black --quiet .
	@.venv/bin/ruff check .

##@ Maintain
docs: ## Build the documentation site
	@scripts/bootstrap docs
	@.venv/bin/python -m delivery.docs.build_docs

docs-test: ## Run the slow commands of the pages and compare their output
	@scripts/bootstrap test
	@.venv/bin/python -m delivery.docs.run_docs --kind slow
	@.venv/bin/python -m delivery.docs.run_docs --kind fork

# only with: template
.PHONY: bench
bench: ## Compare the performance with other projects, in one run
	@scripts/bootstrap test
	@scripts/with-services -- .venv/bin/python -m bench $(ARGS)

# until here: template
requirements: ## Pin new packages of the requirements*.in files, with hashes; pinned ones stay
	@scripts/bootstrap test
	@scripts/pin-requirements

upgrade: ## Pin the newest versions that the requirements*.in files allow
	@scripts/bootstrap test
	@scripts/pin-requirements --upgrade

# only with: rehearsal
-include rehearsal/Makefile
# until here: rehearsal
