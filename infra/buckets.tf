locals {
  cors = jsondecode(file("${path.module}/cors.json"))[0]

  # By prefix: after how many days objects are deleted.
  lifecycles = {
    "uploads/"  = 1 # copied before use, or never used
    "incoming/" = 2 # results as they arrive; checked ones are copied to videos/
    "images/"   = var.retention_days
    "videos/"   = var.retention_days
  }
}

# Images and videos. Deleted means deleted: no versions, no soft delete.
resource "google_storage_bucket" "videos" {
  name                        = "${var.project_id}-reelay-videos"
  location                    = local.bucket_location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 0
  }
  versioning {
    enabled = false
  }

  dynamic "cors" {
    for_each = length(local.allowed_origins) > 0 ? [local.cors] : []
    content {
      origin          = local.allowed_origins
      method          = cors.value.method
      response_header = cors.value.responseHeader
      max_age_seconds = cors.value.maxAgeSeconds
    }
  }

  dynamic "lifecycle_rule" {
    for_each = local.lifecycles
    content {
      action {
        type = "Delete"
      }
      condition {
        age            = lifecycle_rule.value
        matches_prefix = [lifecycle_rule.key]
      }
    }
  }
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 1
    }
  }

  lifecycle {
    prevent_destroy = true
  }
  depends_on = [google_project_service.apis]
}

# `make destroy` leaves the bucket, and the next deploy imports it.
import {
  for_each = setintersection(var.existing, ["videos_bucket"])
  to       = google_storage_bucket.videos
  id       = "${var.project_id}-reelay-videos"
}

# The functions' zips, each named by its hash.
resource "google_storage_bucket" "source" {
  name                        = "${var.project_id}-reelay-source"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  versioning {
    enabled = true
  }
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
    }
  }

  depends_on = [google_project_service.apis]
}

# The functions' images. Cloud Run keeps a copy of what it serves; to roll back further than
# the last three revisions, deploy the older source.
resource "google_artifact_registry_repository" "images" {
  repository_id = "reelay"
  location      = var.region
  format        = "DOCKER"
  description   = "The functions' images"

  cleanup_policies {
    id     = "keep-the-last"
    action = "KEEP"
    most_recent_versions {
      keep_count = 3
    }
  }
  cleanup_policies {
    id     = "delete-the-old"
    action = "DELETE"
    condition {
      older_than = "1209600s"
    }
  }

  depends_on = [google_project_service.apis]
}
