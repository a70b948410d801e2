// The stage while a request is being sent or a job is in progress.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Video } from "../api";
import { language, t, textOf } from "../i18n";
import { progress, startedDraft } from "./click";
import { cropOf } from "./crop";
import type { Draft } from "./draft";
import { costOfCancel, usualOf, stageTextOf } from "./stage";
import { Strip } from "./strip";
import type { Studio } from "./studio";
import { useBlobUrl } from "./use-blob-url";

export function Sending({ studio, draft }: { studio: Studio; draft: Draft }) {
  const now = progress.value;
  return (
    <>
      <DraftScreen draft={draft} state="working">
        <p class="headline" role="status">
          {t(now.step)}
        </p>
        {now.step === "uploading" && <progress aria-label={t("uploading")} value={now.part} />}
      </DraftScreen>
      <Strip studio={studio} video={null} />
      <div class="under">
        {now.step !== "sending" && (
          <Fleeting>
            <button type="button" onClick={studio.giveUp}>
              {t("giveUp")}
            </button>
          </Fleeting>
        )}
      </div>
    </>
  );
}

interface JobScreenProps {
  video: Video;
  state: "working" | "over";
  children: ComponentChildren;
}

/** Shows text over the job's input image, from this browser's draft if it has it. */
export function JobScreen({ video, state, children }: JobScreenProps) {
  const draft = startedDraft(video.job_id);
  if (draft) {
    return (
      <DraftScreen draft={draft} state={state}>
        {children}
      </DraftScreen>
    );
  }
  return (
    <div class={`screen ${state}`} style={screenOf(video)}>
      <Still url={video.poster_url} />
      <div class="words">{children}</div>
    </div>
  );
}

interface DraftScreenProps {
  draft: Draft;
  state: "working" | "over";
  children: ComponentChildren;
}

function DraftScreen({ draft, state, children }: DraftScreenProps) {
  const { image, shape, offset } = draft;
  const url = useBlobUrl(image?.id);
  const crop = image && cropOf(shape, image, offset);
  const objectPosition = `${offset * 100}% ${offset * 100}%`;
  const cut = crop && { objectPosition, "--ratio": crop.width / crop.height };
  return (
    <div class={`screen ${state}`} style={crop ? ratioOf(crop) : undefined}>
      {url && <img class="backdrop" src={url} alt="" />}
      {url && <img class="still cut" src={url} alt="" style={cut as never} />}
      <div class="words">{children}</div>
    </div>
  );
}

export function Watching({ studio, video }: { studio: Studio; video: Video }) {
  const now = useNow();
  const isCancelling = studio.cancelling.value === video.job_id;
  const { headline, details } = stageTextOf({
    video,
    models: studio.models.value,
    isCancelling,
    storingSince: studio.storing.value?.since ?? null,
    now,
    usual: usualOf(video, studio.models.value, studio.usage.value),
    language: language.value,
  });
  return (
    <>
      <JobScreen video={video} state="working">
        <p class="headline" role="status">
          {textOf(headline)}
        </p>
        <p class="details">{details.map(textOf).join(" · ")}</p>
      </JobScreen>
      <Strip studio={studio} video={video} />
      <div class="under">
        <span class="muted">{t("goesOn")}</span>
        {!isCancelling && (
          <Fleeting>
            <Cancel studio={studio} video={video} />
          </Fleeting>
        )}
      </div>
    </>
  );
}

/** Its buttons may disappear at any time; the focus then moves from them to the stage. */
function Fleeting({ children }: { children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(
    () => () => {
      if (!box.current?.contains(document.activeElement)) return;
      box.current.closest<HTMLElement>("#stage")?.focus({ preventScroll: true });
    },
    [],
  );
  return <div ref={box}>{children}</div>;
}

function Cancel({ studio, video }: { studio: Studio; video: Video }) {
  const isAsked = useSignal<boolean | null>(null);
  if (!isAsked.value) {
    const wasAsked = isAsked.value !== null;
    return (
      <button type="button" ref={wasAsked ? focus : null} onClick={() => (isAsked.value = true)}>
        {t("cancel")}
      </button>
    );
  }
  return (
    <div class="ask" role="group" aria-label={t("cancel")}>
      <p>{costOfCancel(video, studio.models.value).map(textOf).join(" ")}</p>
      <button type="button" onClick={() => studio.cancel(video.job_id)}>
        {t("cancelReally")}
      </button>
      {/* Focused, so that holding Enter down doesn't confirm the cancellation. */}
      <button type="button" class="plain" ref={focus} onClick={() => (isAsked.value = false)}>
        {t("cancelNot")}
      </button>
    </div>
  );
}

function focus(button: HTMLButtonElement | null): void {
  button?.focus();
}

export function Still({ url }: { url: string | null | undefined }) {
  if (!url) return null;
  return (
    <>
      <img class="backdrop" src={url} alt="" />
      <img class="still" src={url} alt="" />
    </>
  );
}

/** A style that gives the screen the aspect ratio of the video. */
export function screenOf({ delivered, input_crop, aspect_ratio }: Video) {
  if (delivered) return ratioOf(delivered);
  if (input_crop) return ratioOf(input_crop);
  if (aspect_ratio === "auto") return undefined;
  return { aspectRatio: aspect_ratio.replace(":", " / ") };
}

function ratioOf({ width, height }: { width: number; height: number }) {
  return { aspectRatio: `${width} / ${height}` };
}

function useNow(): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now.value;
}
