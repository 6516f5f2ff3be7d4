"""Forms that macOS does not know: it has Bash 3.2, and BSD's commands instead of GNU's."""

import re

# Where a line, a pipeline or a list names a command: `docker rm --force` is none of coreutils.
COMMAND = r"(?m:^|[|;&(])\s*"
GNU = (
    rf"{COMMAND}(?:cmp|cp|head|install|ln|ls|mktemp|mv|rm|sort|tail|tr|wc) --\w+"
    r"|\b(?:sed -i|grep -\w*P|readlink -f|date (?:-d|--date)|sort -V|stat -c|xargs -r|head -n -)"
)
BASH_4 = (
    r"\b(?:mapfile|readarray|coproc)\b|\b(?:declare|local) -[Agn]|\bwait -n|\[\[ -v|&>>|\|&"
    r"|exec \{\w+\}|\$\{\w+(?:[\^,]|@\w\}|:\w*:-\d)"
)


def not_on_macos(script: str) -> list[str]:
    """Return the forms in a script that macOS does not know."""
    return re.findall(f"{GNU}|{BASH_4}", script) + expanded_while_empty(script)


def expanded_while_empty(script: str) -> list[str]:
    """Return the arrays that begin empty, where the script never asks whether they still are.

    With `set -u`, Bash before 4.4 refuses "${name[@]}" of an empty array as an unset variable.
    """
    empty = set(re.findall(r"\b(\w+)=\(\)", script))
    asked = {name for name in empty if f"${{#{name}[@]}}" in script or f"${{{name}[@]+" in script}
    return [f"{name}=()" for name in sorted(empty - asked)]
