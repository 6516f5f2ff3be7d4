"""The AWS of a rehearsal: ministack, with additions that tell a good deploy from a bad one.

Besides AWS's API, its port serves
- each load balancer, by its host name: NAME.elb.localhost;
- the registry, which ECR calls localhost:4566;
- GET /_rehearsal/state: services, deployments, tasks, targets, and the load balancers' counts;
- GET /_rehearsal/database-ca: the certificate of the authority that signs those of the databases;
- GET /_rehearsal/permissions: the permissions that were asked for, by whom, and whether given.
- POST /_rehearsal/faults: a call of AWS or of the registry that fails as often as asked, such as
  {"service": "ecs", "action": "UpdateService", "error": "ThrottlingException", "times": 3}, or
  {"registry": true, "method": "PUT", "status": 500}. GET shows them, DELETE forgets them.
- POST /_rehearsal/findings: what the scan of every image finds, as an enhanced scan words it.
"""

# The version for which the patches were written; rehearsal/aws/patches.py refuses any other.
MINISTACK = "1.5.33"
