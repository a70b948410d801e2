locals {
  labels = { app = "reelay" }

  firestore_location = coalesce(var.firestore_location, var.region)
  bucket_location    = coalesce(var.bucket_location, var.region)

  # The first is the page's address: Firebase handles sign-in there, and browsers block a
  # sign-in that crosses to another site.
  hosted_origins  = var.enable_web ? ["https://${var.project_id}.firebaseapp.com", "https://${var.project_id}.web.app"] : []
  allowed_origins = distinct(concat(local.hosted_origins, var.allowed_origins))

  # Computed, not read from the functions: the worker enqueues to itself, and a resource
  # cannot refer to its own address.
  function_names = { api = "api", worker = "worker", sweep = "sweep", budget_alert = "budget-alert" }
  function_urls = {
    for key, name in local.function_names :
    key => "https://${var.region}-${var.project_id}.cloudfunctions.net/${name}"
  }
}

data "google_project" "this" {
  project_id = var.project_id
}
