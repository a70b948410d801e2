terraform {
  # 1.11 brought write-only arguments, which keep secrets out of the state.
  required_version = ">= 1.11.0, < 2.0.0"

  required_providers {
    # Later major versions can be tried only with access to the registry; see README.md.
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "~> 6.50"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.6"
    }
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.7"
    }
  }

  # Bucket and prefix are given to `terraform init -backend-config=bucket=…`.
  backend "gcs" {}
}
