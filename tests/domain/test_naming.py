"""Names do not collide, and a user's name stays in its own folder."""

from shared.domain.naming import (
    image_object,
    incoming_folder,
    incoming_of_job,
    task_name,
    upload_object,
    video_object,
)


def test_every_version_and_every_try_has_a_task_name_of_its_own() -> None:
    names = {task_name(job, v, n) for job in "ab" for v in (1, 11) for n in (0, 1)}

    assert len(names) == 8


def test_a_task_name_is_the_same_each_time_and_fit_for_cloud_tasks() -> None:
    assert task_name("job1", 2) == task_name("job1", 2, 0)
    assert task_name("job1", 2).isalnum() and len(task_name("job1", 2)) == 40


def test_objects_lie_where_the_design_has_them() -> None:
    assert image_object("job1") == "images/job1"
    assert incoming_folder("job1", "a1") == "incoming/job1/a1/"
    assert incoming_of_job("job1") == "incoming/job1/"
    assert video_object("ann", "job1") == "videos/ann/job1.mp4"
    assert upload_object("ann", "up1") == "uploads/ann/up1"


def test_a_user_id_cannot_leave_its_folder() -> None:
    assert video_object("a/../bob", "job1") == "videos/a%2F..%2Fbob/job1.mp4"
    assert upload_object("a/b", "up1") == "uploads/a%2Fb/up1"
