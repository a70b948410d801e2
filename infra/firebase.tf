# What the web page needs: a Firebase web app, a hosting site, and sign-in.

locals {
  # The page's config.json, without Firebase's part of it (web/README.md).
  page = {
    api              = local.function_urls.api
    project          = var.project_id
    signIn           = [for way in ["google", "email"] : way if contains(var.sign_in, way)]
    emulators        = { firestore = null, auth = null }
    developmentUsers = null
  }
}

resource "google_firebase_project" "this" {
  count    = var.enable_web ? 1 : 0
  provider = google-beta

  project    = var.project_id
  depends_on = [google_project_service.apis]
}

import {
  for_each = var.enable_web ? setintersection(var.existing, ["firebase_project"]) : []
  to       = google_firebase_project.this[0]
  id       = "projects/${var.project_id}"
}

# As random_id.queues.
resource "random_id" "web_key" {
  count = var.enable_web ? 1 : 0

  byte_length = 3
}

# Everybody can read the page's key in its config.json. If it had none of its own, Firebase
# would give it any key of the project without restrictions, such as the owner's for Gemini,
# which anyone could then use at the owner's cost. It isn't restricted to the page's
# addresses, because the page sends no Referer.
resource "google_apikeys_key" "web" {
  count = var.enable_web ? 1 : 0

  name         = "reelay-web-${random_id.web_key[0].hex}"
  display_name = "Reelay: the web page"

  restrictions {
    dynamic "api_targets" {
      for_each = ["firestore", "identitytoolkit", "securetoken"]
      content {
        service = "${api_targets.value}.googleapis.com"
      }
    }
  }

  depends_on = [google_project_service.apis]
}

resource "google_firebase_web_app" "web" {
  count    = var.enable_web ? 1 : 0
  provider = google-beta

  project         = google_firebase_project.this[0].project
  display_name    = "Reelay"
  api_key_id      = google_apikeys_key.web[0].uid
  deletion_policy = "DELETE"
}

# The project's default site, at whose second domain Firebase handles sign-in. Its content
# is published by ops/deploy/page.py, not by Terraform.
resource "google_firebase_hosting_site" "web" {
  count    = var.enable_web ? 1 : 0
  provider = google-beta

  project = google_firebase_project.this[0].project
  site_id = var.project_id
  app_id  = google_firebase_web_app.web[0].app_id

  lifecycle {
    # A project's default site cannot be deleted.
    prevent_destroy = true
  }
}

import {
  for_each = var.enable_web ? setintersection(var.existing, ["hosting_site"]) : []
  to       = google_firebase_hosting_site.web[0]
  id       = "projects/${var.project_id}/sites/${var.project_id}"
}

# It cannot be enabled twice, so an existing one is imported (var.existing).
resource "google_identity_platform_config" "users" {
  count = var.enable_web ? 1 : 0

  project                    = var.project_id
  autodelete_anonymous_users = true
  authorized_domains         = distinct([for origin in local.allowed_origins : regex("^https?://([^:/]+)", origin)[0]])

  sign_in {
    allow_duplicate_emails = false
    # Each anonymous user would get a cap of their own, and a script could create thousands.
    anonymous {
      enabled = false
    }
    email {
      # An admin adds users by their e-mail address. If anyone may sign up, this would also
      # let them do so with a password, for each address that they have.
      enabled = contains(var.sign_in, "email") || !var.open_sign_up
      # If not, an e-mailed link signs in, too.
      password_required = !contains(var.sign_in, "email")
    }
  }
  client {
    permissions {
      disabled_user_signup = !var.open_sign_up
      # Who deletes their account and signs up again would be a new user, with a new cap.
      disabled_user_deletion = true
    }
  }

  lifecycle {
    prevent_destroy = true
  }
  depends_on = [google_project_service.apis, google_firebase_project.this]
}

import {
  for_each = var.enable_web ? setintersection(var.existing, ["identity_platform"]) : []
  to       = google_identity_platform_config.users[0]
  id       = "projects/${var.project_id}/config"
}
