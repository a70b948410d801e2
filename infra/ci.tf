# Continuous deployment, if a repository is configured. `make check` runs a branch's own
# code, so it runs as an account without rights; the deploy of main waits for it, and runs as
# another account. Cloud Build deploys in steps that a commit cannot change; GitHub (github.tf)
# runs the same steps from the repository. Only an owner can apply new accounts or roles, or
# changes to what these accounts may do.

locals {
  builds         = var.ci_repository != null
  deploys_itself = local.builds || var.github_repository != null

  gcloud    = "gcr.io/google.com/cloudsdktool/google-cloud-cli:562.0.0-slim"
  terraform = "hashicorp/terraform:1.11.4"

  # Each runs deploy/ID.sh. What is applied is exactly what was planned.
  deploy_steps = [
    { id = "checked", image = local.gcloud, timeout = 6000 },
    { id = "settings", image = local.gcloud, timeout = 300 },
    { id = "plan", image = local.terraform, timeout = 900 },
    { id = "apply", image = local.terraform, timeout = 3000 },
    { id = "callers", image = local.gcloud, timeout = 300 },
    { id = "smoke", image = local.gcloud, timeout = 600 },
    { id = "worker", image = local.gcloud, timeout = 600 },
  ]

  # By role: why. Deploying needs many rights, so the account exists only where it is used.
  deployer_roles = {
    "roles/artifactregistry.admin"         = "the images' repository and its grants"
    "roles/cloudfunctions.developer"       = "the functions"
    "roles/cloudscheduler.admin"           = "the sweep's job"
    "roles/cloudtasks.admin"               = "the queues and their grants"
    "roles/datastore.owner"                = "the database, its indexes and TTL"
    "roles/firebase.admin"                 = "the web app, its page, who may sign in"
    "roles/firebaserules.admin"            = "the rules"
    "roles/iam.roleViewer"                 = "a plan reads the role that signs"
    "roles/iam.workloadIdentityPoolViewer" = "a plan reads who may deploy from GitHub"
    "roles/logging.configWriter"           = "the metrics out of logs"
    "roles/logging.logWriter"              = "the log of its own builds"
    "roles/monitoring.editor"              = "alerts, channels, dashboard"
    "roles/pubsub.admin"                   = "the budget's topic and subscriptions"
    "roles/run.admin"                      = "who may invoke the functions"
    "roles/secretmanager.admin"            = "the secrets and their grants; it could read them, too"
    "roles/serviceusage.apiKeysAdmin"      = "the page's key; it could read the project's other keys, too"
    "roles/serviceusage.serviceUsageAdmin" = "the APIs"
    "roles/storage.admin"                  = "the buckets and their grants"
    "roles/cloudbuild.builds.editor"       = "starts the functions' builds, reads the check's"
  }

  # The roles that iam.tf grants on the project, and the only ones that it may grant there.
  grantable_roles = sort(distinct(concat(
    [for grant in local.project_grants : grant.role],
    [google_project_iam_member.builder_reads_copied_source.role],
    values(google_project_iam_member.tracers)[*].role,
  )))
}

resource "google_service_account" "deployer" {
  count = local.deploys_itself ? 1 : 0

  account_id   = "reelay-deployer"
  display_name = "Reelay: deploys main"

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_member" "deployer" {
  for_each = local.deploys_itself ? local.deployer_roles : {}

  project = var.project_id
  role    = each.key
  member  = google_service_account.deployer[0].member
}

# It cannot make itself an owner: that role is not among those that it may grant.
resource "google_project_iam_member" "deployer_grants" {
  count = local.deploys_itself ? 1 : 0

  project = var.project_id
  role    = "roles/resourcemanager.projectIamAdmin"
  member  = google_service_account.deployer[0].member

  condition {
    title       = "only the functions' roles"
    description = "On the project it may grant and revoke what the functions need there."
    expression  = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([${join(", ", [for role in local.grantable_roles : "'${role}'"])}])"
  }
}

# On our accounts only: granted on the project, it could act as any account there.
resource "google_service_account_iam_member" "deployer_administers" {
  for_each = local.deploys_itself ? local.service_accounts : {}

  service_account_id = local.account_ids[each.key]
  role               = "roles/iam.serviceAccountAdmin"
  member             = google_service_account.deployer[0].member
}

# A plan reads everything that exists, this account included.
resource "google_service_account_iam_member" "deployer_reads_itself" {
  count = local.deploys_itself ? 1 : 0

  service_account_id = google_service_account.deployer[0].id
  role               = "roles/iam.serviceAccountViewer"
  member             = google_service_account.deployer[0].member
}

# And the account of the check, which Terraform made too.
resource "google_service_account_iam_member" "deployer_reads_checker" {
  count = local.builds ? 1 : 0

  service_account_id = google_service_account.checker[0].id
  role               = "roles/iam.serviceAccountViewer"
  member             = google_service_account.deployer[0].member
}

# Functions, tasks and pushes run as these accounts, so the account that makes them must be
# allowed to act as them.
resource "google_service_account_iam_member" "deployer_acts_as" {
  for_each = local.deploys_itself ? local.service_accounts : {}

  service_account_id = local.account_ids[each.key]
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer[0].member
}

# Only a Billing Account Administrator can apply this.
resource "google_billing_account_iam_member" "deployer_budget" {
  count = local.deploys_itself && var.enable_budget ? 1 : 0

  billing_account_id = var.billing_account
  role               = "roles/billing.costsManager"
  member             = google_service_account.deployer[0].member
}

# The check ------------------------------------------------------------------------------

resource "google_service_account" "checker" {
  count = local.builds ? 1 : 0

  account_id   = "reelay-checker"
  display_name = "Reelay: runs make check, may do nothing"

  depends_on = [google_project_service.apis]
}

# Its only role: a build that runs as a custom account writes its log as that account.
resource "google_project_iam_member" "checker_writes_its_log" {
  count = local.builds ? 1 : 0

  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.checker[0].member
}

resource "google_cloudbuild_trigger" "check" {
  for_each = local.builds ? toset(["main", "pull-request"]) : []

  name            = "reelay-check-${each.key}"
  description     = "make check"
  location        = split("/", var.ci_repository)[3]
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.checker[0].id

  repository_event_config {
    repository = var.ci_repository
    dynamic "push" {
      for_each = each.key == "main" ? ["^main$"] : []
      content {
        branch = push.value
      }
    }
    dynamic "pull_request" {
      for_each = each.key == "main" ? [] : ["^main$"]
      content {
        branch = pull_request.value
        # A stranger's code runs only after a member has commented /gcbrun.
        comment_control = "COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY"
      }
    }
  }
}

# The deploy -----------------------------------------------------------------------------

resource "google_cloudbuild_trigger" "deploy" {
  count = local.builds ? 1 : 0

  name            = "reelay-deploy"
  description     = "Waits for the check, plans, and applies that plan"
  location        = split("/", var.ci_repository)[3]
  service_account = google_service_account.deployer[0].id

  repository_event_config {
    repository = var.ci_repository
    push {
      branch = "^main$"
    }
  }
  substitutions = {
    _REGION       = var.region
    _STATE_BUCKET = var.state_bucket
  }

  # Not `filename`, whose content the pushed commit could change.
  build {
    dynamic "step" {
      for_each = local.deploy_steps
      content {
        id         = step.value.id
        name       = step.value.image
        entrypoint = "sh"
        # Otherwise Cloud Build would treat $ as one of its substitutions.
        args    = ["-ceu", replace(file("${path.module}/deploy/${step.value.id}.sh"), "$", "$$")]
        timeout = "${step.value.timeout}s"
      }
    }
    timeout = "${sum(local.deploy_steps[*].timeout)}s"
    options {
      logging = "CLOUD_LOGGING_ONLY"
      env = [
        "TF_IN_AUTOMATION=1",
        "LOCATION=$LOCATION",
        "COMMIT_SHA=$COMMIT_SHA",
        "PROJECT=$PROJECT_ID",
        "PROJECT_NUMBER=$PROJECT_NUMBER",
        "REGION=$${_REGION}",
        "STATE_BUCKET=$${_STATE_BUCKET}",
      ]
    }
  }
}
