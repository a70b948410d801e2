# A task has worker decode an image and a video. Cloud Tasks deletes a task once it has
# succeeded, but also when it gives up, after four minutes: so this looks for less than that.
# Nobody else may call worker.
where="--location=$REGION --project=$PROJECT"
worker="https://$REGION-$PROJECT.cloudfunctions.net/worker"
# No --limit=1: gcloud would look at only one queue before it filters.
queues=$(gcloud tasks queues list $where --filter="name~/steps- AND state=RUNNING" \
  --format="value(name.basename())")
queue=$(echo "$queues" | head -n 1)
if [ -z "$queue" ]; then
  echo "The queue of steps is paused, so it was not checked whether worker can decode."
  exit 0
fi
task="deploy-check-$(date +%s)"
gcloud tasks create-http-task "$task" --queue="$queue" $where --url="$worker" \
  --method=POST --header=Content-Type:application/json \
  --body-content='{"check": "decoder"}' --oidc-token-audience="$worker" \
  --oidc-service-account-email="reelay-tasks-invoker@$PROJECT.iam.gserviceaccount.com" \
  --format=none
begun=$(date +%s)
while [ $(($(date +%s) - begun)) -lt 180 ]; do
  sleep 5
  if ! seen=$(gcloud tasks describe "$task" --queue="$queue" $where \
    --format="value(lastAttempt.responseStatus.message)" 2>&1); then
    case "$seen" in
      *NOT_FOUND* | *"no longer exists"*)
        echo "Cloud Tasks calls worker, which decodes an image and a video, as it should."
        exit 0
        ;;
    esac
  fi
done
logs="gcloud logging read 'resource.labels.service_name=worker severity!=INFO' \
--project=$PROJECT --limit=50 --format='value(timestamp,textPayload,jsonPayload)'"
case "$seen" in
  *"code 500"*)
    echo "worker can't decode an image and a video. Until it can, no job with an image" \
      "goes on and no finished video is stored. Its log says why (decoder_not_started," \
      "step_failed): $logs. To go back: gcloud run services update-traffic worker" \
      "--to-revisions=REVISION=100 --region=$REGION --project=$PROJECT"
    ;;
  *)
    echo "A task that has worker decode an image and a video did not succeed:" \
      "${seen:-Cloud Tasks has not tried yet}. A grant takes minutes: deploy again. If that" \
      "doesn't help, the log of worker says why: $logs"
    ;;
esac
exit 1
