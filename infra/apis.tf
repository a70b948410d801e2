locals {
  apis = concat([
    "aiplatform.googleapis.com",           # Veo
    "artifactregistry.googleapis.com",     # the functions' images
    "billingbudgets.googleapis.com",       # the budget
    "cloudbilling.googleapis.com",         # the budget reads the billing account
    "cloudbuild.googleapis.com",           # builds the zip
    "cloudfunctions.googleapis.com",       # the four functions
    "cloudresourcemanager.googleapis.com", # the project's number and roles
    "cloudscheduler.googleapis.com",       # calls sweep
    "cloudtasks.googleapis.com",           # calls worker
    "firebaserules.googleapis.com",        # the rules of Firestore
    "firestore.googleapis.com",            # jobs, ledger, circuits
    "iam.googleapis.com",                  # the accounts
    "iamcredentials.googleapis.com",       # signBlob: signed addresses
    "identitytoolkit.googleapis.com",      # who a user is, and whether still
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com", # what the budget says
    "run.googleapis.com",    # what functions run on
    "secretmanager.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
    ], var.enable_web ? [
    "firebase.googleapis.com",
    "firebasehosting.googleapis.com", # the web page
  ] : [])
}

resource "google_project_service" "apis" {
  for_each = toset(local.apis)

  service = each.key
  # Others in the project may need them after us.
  disable_on_destroy = false
}

# Google's own agents, made early: without them the first call of Veo answers
# "Service agents are being provisioned", and grants to them fail.
resource "google_project_service_identity" "agents" {
  for_each = toset(["aiplatform.googleapis.com", "pubsub.googleapis.com"])
  provider = google-beta

  project = var.project_id
  service = google_project_service.apis[each.key].service
}
