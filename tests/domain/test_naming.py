"""Names of tasks don't collide, and a user's ID can't leave its folder."""

from shared.domain.naming import task_name, upload_object, video_object


def test_every_version_and_every_try_has_its_own_task_name() -> None:
    names = {task_name(job, v, n) for job in "ab" for v in (1, 11) for n in (0, 1)}

    assert len(names) == 8


def test_a_task_name_is_deterministic_and_valid_for_cloud_tasks() -> None:
    assert task_name("job1", 2) == task_name("job1", 2, 0)
    assert task_name("job1", 2).isalnum() and len(task_name("job1", 2)) == 40


def test_a_user_id_cannot_leave_its_folder() -> None:
    assert video_object("a/../bob", "job1", "a") == "videos/a%2F..%2Fbob/job1/a.mp4"
    assert upload_object("a/b", "up1") == "uploads/a%2Fb/up1"
