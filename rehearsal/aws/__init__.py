"""The local AWS of a rehearsal: ministack, with what it lacks to test deploys.

Besides AWS's API, its port serves
- each load balancer, by its host name: NAME.elb.localhost;
- the registry, which ECR calls localhost:4566;
- GET /_rehearsal/state: services, deployments, tasks, targets, and the load balancers' counters;
- GET /_rehearsal/database-ca: the certificate of the authority for the databases;
- GET /_rehearsal/permissions: each checked permission, its caller, and the decision;
- POST /_rehearsal/faults: makes a call of AWS or of the registry fail several times, such as
  {"service": "ecs", "action": "UpdateService", "error": "ThrottlingException", "times": 3}, or
  {"registry": true, "method": "PUT", "status": 500}. GET lists the faults, DELETE removes them;
- POST /_rehearsal/findings: adds a finding to the scan of every image, in the format of ECR's
  enhanced scanning.
"""

# The version for which the patches were written; rehearsal/aws/patches.py refuses any other.
MINISTACK = "1.5.33"
