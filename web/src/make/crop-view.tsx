// The chosen image, with the crop for the chosen aspect ratio.

import type { TargetedPointerEvent } from "preact";
import { useRef } from "preact/hooks";
import { t } from "../i18n";
import { cropOf, isWhole } from "./crop";
import { change, type Draft, type PickedImage } from "./draft";

const STEP = 0.05;
const percent = (part: number) => `${(part * 100).toFixed(3)}%`;

interface Props {
  url: string;
  image: PickedImage;
  /** With the choices that are on offer: what is shown is what is sent. */
  fit: Draft;
}

export function CropView({ url, image, fit }: Props) {
  const box = useRef<HTMLDivElement>(null);
  /** Where it was grabbed, and the crop's offset then. */
  const grabbed = useRef({ at: 0, offset: 0 });
  const { shape, offset } = fit;
  const crop = cropOf(shape, image, offset);
  const isAcross = crop.width < image.width;

  const moveTo = (place: number) => {
    change({ offset: Math.min(1, Math.max(0, place)) });
  };
  // Not by `movementX`, which a zoomed page's browser may count in other pixels.
  const placeOf = (event: PointerEvent) => (isAcross ? event.clientX : event.clientY);
  const drag = (event: TargetedPointerEvent<HTMLElement>) => {
    const room = box.current?.getBoundingClientRect();
    // Without the capture, it was pressed elsewhere, and only moves over the crop.
    const isGrabbed = event.currentTarget.hasPointerCapture(event.pointerId);
    if (!room || !isGrabbed || !event.isPrimary) return;
    const free = isAcross
      ? (room.width * (image.width - crop.width)) / image.width
      : (room.height * (image.height - crop.height)) / image.height;
    moveTo(grabbed.current.offset + (placeOf(event) - grabbed.current.at) / free);
  };
  const press = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowLeft: -STEP,
      ArrowUp: -STEP,
      ArrowRight: STEP,
      ArrowDown: STEP,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    moveTo(offset + step);
  };

  return (
    <>
      <img class="backdrop" src={url} alt="" />
      <div
        class="fitted"
        ref={box}
        style={{ "--ratio": image.width / image.height } as never}
      >
        {/* Else the browser may drag the image itself: the crop moves off the pressed place. */}
        <img src={url} alt={t("imageOnStage")} draggable={false} />
        {!isWhole(crop, image) && (
          <div
            class="crop"
            role="slider"
            tabIndex={0}
            aria-label={t("crop")}
            aria-orientation={isAcross ? "horizontal" : "vertical"}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round(offset * 100)}
            style={{
              left: percent(crop.x / image.width),
              top: percent(crop.y / image.height),
              width: percent(crop.width / image.width),
              height: percent(crop.height / image.height),
            }}
            onKeyDown={press}
            onPointerDown={(event) => {
              // A second finger zooms.
              if (!event.isPrimary) return;
              event.currentTarget.setPointerCapture(event.pointerId);
              grabbed.current = { at: placeOf(event), offset };
            }}
            onPointerMove={drag}
          />
        )}
      </div>
    </>
  );
}
