# Who may do what. Every grant is on the smallest resource possible, and adds one member.
# None is authoritative, which would remove Google's grants to its own agents. Functions need
# no role to write logs: Cloud Run reads their standard output.

locals {
  # On the project, for services without a smaller resource to grant on. Account, role, why.
  project_roles = {
    api = {
      "roles/datastore.user"      = "reads and writes jobs, money, keys"
      "roles/firebaseauth.viewer" = "looks up whether a user was disabled, a token revoked"
    }
    worker = {
      "roles/datastore.user"  = "reads and writes jobs, money, circuits"
      "roles/aiplatform.user" = "calls Veo, Omni and the model that translates"
    }
    sweep = {
      "roles/datastore.user" = "finds jobs that are stuck, ends expired ones"
    }
    budget-alert = {
      "roles/datastore.user" = "sets the kill switch"
    }
    builder = {
      "roles/logging.logWriter" = "writes the log of the build"
    }
  }

  # Only with traces enabled. The predefined role writes spans and reads none.
  tracers = var.trace_sample_ratio > 0 ? toset(["api", "worker", "sweep", "budget-alert"]) : []

  project_grants = merge([
    for account, roles in local.project_roles : {
      for role, why in roles : "${account} ${role}" => { account = account, role = role }
    }
  ]...)

  # The queues in which each account creates tasks: no task of sweep spends money.
  enqueuers = {
    api    = ["starts", "steps", "webhooks"]
    worker = ["starts", "steps", "webhooks"]
    sweep  = ["steps", "webhooks"]
  }
  # The accounts that sign URLs, keyless under their own identity.
  signers = toset(["api", "worker"])

  # By function: the only account that may invoke it. `api` is open to all.
  invokers = {
    worker       = "tasks-invoker"
    sweep        = "scheduler-invoker"
    budget_alert = "pubsub-invoker"
  }
}

resource "google_project_iam_member" "grants" {
  for_each = local.project_grants

  project = var.project_id
  role    = each.value.role
  member  = local.members[each.value.account]
}

resource "google_project_iam_member" "tracers" {
  for_each = local.tracers

  project = var.project_id
  role    = "roles/telemetry.tracesWriter"
  member  = local.members[each.key]
}

# Cloud Tasks ---------------------------------------------------------------------------

resource "google_cloud_tasks_queue_iam_member" "enqueuers" {
  for_each = merge([
    for account, queues in local.enqueuers : {
      for queue in queues : "${queue} ${account}" => { queue = queue, account = account }
    }
  ]...)

  location = var.region
  name     = google_cloud_tasks_queue.queues[each.value.queue].name
  role     = "roles/cloudtasks.enqueuer"
  member   = local.members[each.value.account]
}

# A task carries the identity of tasks-invoker, so the account that creates it must be
# allowed to act as tasks-invoker.
resource "google_service_account_iam_member" "enqueuers_act_as_tasks_invoker" {
  for_each = toset(keys(local.enqueuers))

  service_account_id = local.account_ids["tasks-invoker"]
  role               = "roles/iam.serviceAccountUser"
  member             = local.members[each.key]
}

# Who may invoke ------------------------------------------------------------------------

resource "google_cloud_run_v2_service_iam_member" "invokers" {
  for_each = local.invokers

  location = var.region
  name     = google_cloudfunctions2_function.functions[each.key].name
  role     = "roles/run.invoker"
  member   = local.members[each.value]
}

# The code checks the token of each call of `api`; a browser cannot send a second one for
# IAM.
resource "google_cloud_run_v2_service_iam_member" "api_is_public" {
  count = var.api_public ? 1 : 0

  location = var.region
  name     = google_cloudfunctions2_function.functions["api"].name
  role     = "roles/run.invoker"
  member   = "allUsers"
}

# Pub/Sub signs its pushes as pubsub-invoker.
resource "google_service_account_iam_member" "pubsub_signs_as_its_invoker" {
  service_account_id = local.account_ids["pubsub-invoker"]
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_project_service_identity.agents["pubsub.googleapis.com"].member
}

# Signing -------------------------------------------------------------------------------

# api signs uploads and downloads, worker a finished video's URL, each as itself. The role
# only signs bytes: Google's predefined one (Token Creator) also creates access tokens.
resource "google_project_iam_custom_role" "signer" {
  role_id     = "reelaySigner${random_id.queues.hex}"
  title       = "Reelay: signs URLs"
  permissions = ["iam.serviceAccounts.signBlob"]

  depends_on = [google_project_service.apis]
}

resource "google_service_account_iam_member" "signers_sign_as_themselves" {
  for_each = local.signers

  service_account_id = local.account_ids[each.key]
  role               = "projects/${var.project_id}/roles/${google_project_iam_custom_role.signer.role_id}"
  member             = local.members[each.key]
}

# Translating ---------------------------------------------------------------------------

# api translates prompts for review. Google's predefined role (Agent Platform User) could
# also change and delete what is deployed there.
resource "google_project_iam_custom_role" "translator" {
  role_id     = "reelayTranslator${random_id.queues.hex}"
  title       = "Reelay: calls a model"
  permissions = ["aiplatform.endpoints.predict"]

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_member" "api_translates" {
  count = var.translation_model == "off" ? 0 : 1

  project = var.project_id
  role    = "projects/${var.project_id}/roles/${google_project_iam_custom_role.translator.role_id}"
  member  = local.members["api"]
}

# Buckets -------------------------------------------------------------------------------

# objectUser reads, writes and deletes objects, but cannot change permissions.
resource "google_storage_bucket_iam_member" "videos" {
  for_each = {
    # signed uploads and downloads act as this account; it deletes objects
    api = local.members["api"]
    # stores images and results
    worker = local.members["worker"]
    # Veo writes its MP4 straight into incoming/ and reads the image from images/
    veo = google_project_service_identity.agents["aiplatform.googleapis.com"].member
  }

  bucket = google_storage_bucket.videos.name
  role   = "roles/storage.objectUser"
  member = each.value
}

# The zip, where Terraform uploads it.
resource "google_storage_bucket_iam_member" "builder_reads_source" {
  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = local.members["builder"]
}

# Google copies the zip into a bucket of its own and builds from there
# (github.com/hashicorp/terraform-provider-google/issues/20571). It creates that bucket
# with the first function, so the role is on the project, limited to that bucket's name.
resource "google_project_iam_member" "builder_reads_copied_source" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = local.members["builder"]

  condition {
    title       = "only the zips that are built"
    description = "Cloud Functions copies them into this bucket."
    expression  = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.this.number}-\")"
  }
}

resource "google_artifact_registry_repository_iam_member" "builder_writes_images" {
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = local.members["builder"]
}

# Secrets -------------------------------------------------------------------------------

resource "google_secret_manager_secret_iam_member" "worker_reads_keys" {
  for_each = local.secrets

  secret_id = google_secret_manager_secret.keys[each.key].id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.members["worker"]
}

resource "google_secret_manager_secret_iam_member" "api_reads_webhook_secret" {
  secret_id = google_secret_manager_secret.keys["WEBHOOK_SIGNING_SECRET"].id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.members["api"]
}
