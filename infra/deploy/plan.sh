cd infra
# Once the lock of the providers is in the repository (make providers), nothing else runs.
if [ -f .terraform.lock.hcl ]; then
  lock=-lockfile=readonly
fi
terraform init -input=false -no-color -reconfigure ${lock:-} \
  -backend-config="bucket=$STATE_BUCKET" -backend-config=prefix=reelay
terraform plan -input=false -no-color -lock-timeout=600s \
  -var-file=/workspace/settings.tfvars.json -out=/workspace/plan
