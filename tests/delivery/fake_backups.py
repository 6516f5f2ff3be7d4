"""A fake RDS with backups, and an ECS whose tasks use the instance of one name."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from delivery.aws.client import STDIN
from tests.delivery.documented_aws import check_answer, check_request, grouped
from tests.delivery.fake_ecs import NEW, FakeEcs
from tests.delivery.kill_switch import KillSwitch

USED = "myapp-staging"
EARLIEST, LATEST = "2026-01-30T00:00:00.000Z", "2026-01-31T12:00:00.123Z"
NOW = "now"
# As infra/data.yaml has it, in the words of an answer.
SETTINGS: dict[str, Any] = {
    "DBInstanceClass": "db.t4g.small",
    "DBSubnetGroup": {"DBSubnetGroupName": "subnets"},
    "DBParameterGroups": [{"DBParameterGroupName": "parameters"}],
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1"}, {"VpcSecurityGroupId": "sg-2"}],
    "CACertificateIdentifier": "rds-ca-rsa2048-g1",
    "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
    "EnabledCloudwatchLogsExports": ["error", "slowquery"],
    "MaxAllocatedStorage": 200,
    "MultiAZ": True,
    "PubliclyAccessible": False,
    "AutoMinorVersionUpgrade": True,
    "CopyTagsToSnapshot": True,
    "DeletionProtection": True,
}
# What a restored instance has that no option names, and where no option turns it on.
DEFAULTS = SETTINGS | {
    "DBSubnetGroup": {"DBSubnetGroupName": "default"},
    "DBParameterGroups": [{"DBParameterGroupName": "default.mysql8.4"}],
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "default"}],
    "CACertificateIdentifier": "the account's",
    "EngineLifecycleSupport": "open-source-rds-extended-support",
    "EnabledCloudwatchLogsExports": [],
    **dict.fromkeys(("MultiAZ", "CopyTagsToSnapshot", "DeletionProtection"), False),
}
FLAGS = {
    "MultiAZ": "multi-az",
    "AutoMinorVersionUpgrade": "auto-minor-version-upgrade",
    "CopyTagsToSnapshot": "copy-tags-to-snapshot",
    "DeletionProtection": "deletion-protection",
    "PubliclyAccessible": "publicly-accessible",
}
DEFAULTS.pop("MaxAllocatedStorage")
TAGS = [{"Key": "project", "Value": "myapp"}, {"Key": "aws:cloudformation:stack-id", "Value": "1"}]


class FakeBackups(FakeEcs):
    """Each instance has data of some moment and a password; each description is a bit later."""

    def __init__(self, kill_switch: KillSwitch) -> None:
        super().__init__(runs=NEW)
        self.kill_switch = kill_switch
        self.instances: dict[str, dict[str, Any]] = {}
        self.data: dict[str, str] = {}  # by the id of an instance, which no new name changes
        self.passwords: dict[str, str] = {}
        self.secret = ""
        self.later: list[Callable[[], None]] = []
        self.window = {"EarliestTime": EARLIEST, "LatestTime": LATEST}
        self.compared: list[str] = []  # the data of the other one
        self.tasks = ""  # the data that the tasks use
        self.recorded = ""  # the data that has the running version as live
        self.made_status = "available"
        self.add(USED, "db-1", NOW, "new", SETTINGS | {"TagList": TAGS})

    def add(self, name: str, key: str, data: str, password: str, more: Mapping[str, Any]) -> None:
        self.data[key], self.passwords[key] = data, password
        self.instances[name] = {
            "DbiResourceId": key,
            "DBInstanceStatus": "available",
            "PendingModifiedValues": {},
            **more,
        }

    def __call__(self, service: str, action: str, *words: str) -> Any:
        check_request(service, action, grouped(words))
        self.kill_switch.tick()
        answer = super().__call__(service, action, *words)
        self.kill_switch.tick()
        if service in ("rds", "secretsmanager"):
            check_answer(service, action, answer)
        return answer

    def with_secret(self, secret: str, service: str, action: str, *words: str) -> Any:
        self.secret = secret
        return self(service, action, *words)

    def describe_db_instances(self, options: Mapping[str, str]) -> Any:
        if self.later:
            self.later.pop(0)()
        named = {
            name: {"DBInstanceIdentifier": name, "Endpoint": {"Address": f"{name}.rds.example"}}
            for name in self.instances
        }
        return {"DBInstances": [named[name] | one for name, one in self.instances.items()]}

    def describe_db_instance_automated_backups(self, options: Mapping[str, str]) -> Any:
        assert options["--dbi-resource-id"] == "db-1"
        return {"DBInstanceAutomatedBackups": [{"RestoreWindow": self.window}]}

    def restore_db_instance_to_point_in_time(self, options: Mapping[str, str]) -> Any:
        target = options["--target-db-instance-identifier"]
        assert options["--source-db-instance-identifier"] == USED
        assert target not in self.instances
        self.calls.append(("restore", dict(options)))
        made = DEFAULTS | self.given() | {"DBInstanceStatus": "creating"}
        self.add(target, "db-2", options["--restore-time"], "old", made)

        def done() -> None:
            self.instances[target]["DBInstanceStatus"] = self.made_status

        self.later += [lambda: None, done]

    def given(self) -> dict[str, Any]:
        """Return the settings that the options of a call name."""
        given = grouped(self.words)
        found = {name: option in given for name, option in FLAGS.items()}
        groups = given["vpc-security-group-ids"]
        return found | {
            "DBSubnetGroup": {"DBSubnetGroupName": given["db-subnet-group-name"][0]},
            "DBParameterGroups": [{"DBParameterGroupName": given["db-parameter-group-name"][0]}],
            "VpcSecurityGroups": [{"VpcSecurityGroupId": group} for group in groups],
            "CACertificateIdentifier": given["ca-certificate-identifier"][0],
            "EngineLifecycleSupport": given["engine-lifecycle-support"][0],
            "EnabledCloudwatchLogsExports": given["enable-cloudwatch-logs-exports"],
            "MaxAllocatedStorage": int(given["max-allocated-storage"][0]),
            "TagList": json.loads(given["tags"][0]),
        }

    def modify_db_instance(self, options: Mapping[str, str]) -> Any:
        assert "--apply-immediately" in self.words
        instance = self.instances[options["--db-instance-identifier"]]
        assert instance["DBInstanceStatus"] == "available"
        if "--master-user-password" in options:
            assert options["--master-user-password"] == STDIN
            self.change_password(instance, self.secret)
        else:
            self.rename(instance, options)

    def change_password(self, instance: dict[str, Any], password: str) -> None:
        instance["PendingModifiedValues"] = {"MasterUserPassword": "****"}

        def applied() -> None:
            self.passwords[instance["DbiResourceId"]] = password
            instance["PendingModifiedValues"] = {}

        self.later += [lambda: None, applied]

    def rename(self, instance: dict[str, Any], options: Mapping[str, str]) -> None:
        old, new = options["--db-instance-identifier"], options["--new-db-instance-identifier"]
        assert new not in self.instances
        instance["DBInstanceStatus"] = "renaming"

        def vanish() -> None:
            del self.instances[old]

        def appear() -> None:
            self.instances[new] = instance

        def done() -> None:
            instance["DBInstanceStatus"] = "available"

        # For a moment it has neither name.
        self.later += [lambda: None, vanish, appear, done]

    def get_secret_value(self, options: Mapping[str, str]) -> Any:
        assert options["--secret-id"] == "myapp-staging-database-password-3"
        return {"SecretString": "new"}

    def describe_stacks(self, options: Mapping[str, str]) -> Any:
        number = {"ParameterKey": "DatabasePasswordNumber", "ParameterValue": "3"}
        return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "Parameters": [number]}]}

    def run_task(self, options: dict[str, str]) -> Any:
        (override,) = json.loads(options["--overrides"])["containerOverrides"]
        _, _, command, *words = override["command"]
        if command == "record_release":
            self.recorded = self.data_of(USED)
            return super().run_task(options)
        (host,) = words
        assert command == "compare_databases"
        key = self.instances[host.partition(".")[0]]["DbiResourceId"]
        self.compared.append(self.data[key])
        code = 0 if self.passwords[key] == "new" and USED in self.instances else 1
        self.task = {"lastStatus": "STOPPED", "containers": [self.container(code)]}
        return super().run_task(options)

    def update_service(self, options: dict[str, str]) -> Any:
        assert "--force-new-deployment" in self.words
        self.tasks = self.data_of(USED)
        return super().update_service(options)

    def data_of(self, name: str) -> str:
        return self.data[self.instances[name]["DbiResourceId"]]
