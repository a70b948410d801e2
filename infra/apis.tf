locals {
  apis = concat([
    "aiplatform.googleapis.com",           # Veo, Omni, translation
    "artifactregistry.googleapis.com",     # the functions' images
    "billingbudgets.googleapis.com",       # the budget
    "cloudbilling.googleapis.com",         # the budget reads the billing account
    "cloudbuild.googleapis.com",           # builds the zip
    "cloudfunctions.googleapis.com",       # the four functions
    "cloudresourcemanager.googleapis.com", # the project's number and roles
    "cloudscheduler.googleapis.com",       # calls sweep
    "cloudtasks.googleapis.com",           # delivers tasks to worker
    "firebaserules.googleapis.com",        # the rules of Firestore
    "firestore.googleapis.com",            # jobs, ledger, circuits
    "iam.googleapis.com",                  # the accounts
    "iamcredentials.googleapis.com",       # signBlob: signed URLs
    "identitytoolkit.googleapis.com",      # whether a user was disabled
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com", # the notifications of the budget
    "run.googleapis.com",    # what functions run on
    "secretmanager.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
    ], var.trace_sample_ratio > 0 ? [
    "cloudtrace.googleapis.com",
    "telemetry.googleapis.com", # takes the spans
    ] : [], var.github_repository != null ? [
    "sts.googleapis.com", # exchanges GitHub's token for Google's
    ] : [], var.enable_web ? [
    "apikeys.googleapis.com", # the page's key
    "firebase.googleapis.com",
    "firebasehosting.googleapis.com", # the web page
  ] : [])
}

resource "google_project_service" "apis" {
  for_each = toset(local.apis)

  service = each.key
  # Something else in the project may need them.
  disable_on_destroy = false
}

# Google's service agents, created early: without them the first call to Veo fails with
# "Service agents are being provisioned", and they cannot be granted a role.
resource "google_project_service_identity" "agents" {
  for_each = toset(["aiplatform.googleapis.com", "pubsub.googleapis.com"])
  provider = google-beta

  project = var.project_id
  service = google_project_service.apis[each.key].service
}
