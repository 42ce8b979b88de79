"""What libsndfile cannot read: M4A, WMA, the sound of videos."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import soxr

from sktag import RawWave
from sktag.clips import _probe
from sktag.clips._audio import UnreadableAudio, decode, probe

av = pytest.importorskip("av")

RATE, SECONDS = 44100, 1.5
# Name of the file, codec, sample rate, channels, whether there is a picture.
FILES = {
    "a.m4a": ("aac", RATE, 2, False),
    "mono.m4a": ("aac", 22050, 1, False),
    "lossless.m4a": ("alac", RATE, 2, False),
    "a.aac": ("aac", RATE, 2, False),
    "a.wma": ("wmav2", RATE, 2, False),
    "video.mp4": ("aac", RATE, 2, True),
    "video.mkv": ("aac", 48000, 2, True),
    "video.avi": ("mp3", RATE, 2, True),
    "a.webm": ("libopus", 48000, 2, False),
    "a.wv": ("wavpack", RATE, 2, False),
}


def sines(rate, n_channels):
    t = np.arange(int(SECONDS * rate)) / rate
    waves = [0.4 * np.sin(2 * np.pi * 440 * t), 0.3 * np.sin(2 * np.pi * 1000 * t)]
    return np.stack(waves[:n_channels]).astype(np.float32)


def write(path, codec, rate, n_channels, has_picture):
    layout = "stereo" if n_channels == 2 else "mono"
    form = "adts" if path.suffix == ".aac" else None
    with av.open(str(path), "w", format=form) as container:
        if has_picture:
            picture = container.add_stream("mpeg4", rate=10)
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        stream = container.add_stream(codec, rate=rate)
        stream.layout, stream.bit_rate = layout, 128_000
        if has_picture:
            for shade in range(15):
                image = np.full((64, 64, 3), 10 * shade, np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
        whole = av.AudioFrame.from_ndarray(sines(rate, n_channels), "fltp", layout)
        whole.sample_rate = rate
        name = stream.codec_context.format.name
        fifo = av.AudioFifo()
        for frame in av.AudioResampler(format=name).resample(whole):
            fifo.write(frame)
        done, size = 0, stream.codec_context.frame_size or 1024
        while frame := fifo.read(size, partial=True):
            frame.pts, frame.time_base = done, Fraction(1, rate)
            done += frame.samples
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("av")
    for name, given in FILES.items():
        write(folder / name, *given)
    return folder


def by_hand(path):
    """Decode a file with PyAV alone, averaged over channels."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    converter = av.AudioResampler(format="fltp")
    parts = [p.to_ndarray() for f in frames for p in converter.resample(f)]
    return np.concatenate(parts, axis=1).mean(axis=0)


@pytest.mark.parametrize("name", FILES)
def test_file_is_decoded_as_ffmpeg_does(folder, name):
    rate = FILES[name][1]
    expected = by_hand(folder / name)
    found = decode(folder / name, rate)
    assert probe(folder / name).n_frames == len(found) == len(expected)
    np.testing.assert_array_equal(found, expected)
    # Codecs add up to two of their frames, of 2048 samples at most.
    assert abs(len(found) - SECONDS * rate) <= 4096


@pytest.mark.parametrize("name", FILES)
def test_part_is_the_slice_of_the_whole_at_another_rate(folder, name):
    whole = decode(folder / name, 16000)
    part = decode(folder / name, 16000, offset=0.5, n_samples=3000)
    np.testing.assert_allclose(part, whole[8000:11000], atol=1e-4)
    mine = soxr.resample(decode(folder / name, FILES[name][1]), FILES[name][1], 16000)
    np.testing.assert_allclose(whole[: len(mine) - 100], mine[:-100], atol=1e-4)


def test_tone_comes_out_at_its_place(folder):
    # Priming is skipped: the waves begin at the first sample.
    expected = sines(RATE, 2).mean(axis=0)
    found = decode(folder / "video.mp4", RATE)[: len(expected)]
    # A shift by one sample is a difference of 0.03.
    assert np.sqrt(np.mean((found - expected)[2000:-2000] ** 2)) < 0.01


def test_files_of_all_kinds_are_clips(folder):
    paths = sorted(folder.iterdir())
    clips = np.asarray(RawWave(sr=16000, duration=1.0).fit_transform(paths))
    assert clips.shape == (len(FILES), 16000)
    assert (np.abs(clips).max(axis=1) > 0.2).all()


def test_name_does_not_matter(folder, tmp_path):
    path = tmp_path / "named.mp3"
    path.write_bytes((folder / "a.m4a").read_bytes())
    code = f"from sktag.clips._audio import decode; decode({str(path)!r}, 8000)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (run.stdout, run.stderr) == (b"", b"")


def test_without_the_extra_the_message_names_it(folder, monkeypatch):
    monkeypatch.setattr(_probe, "has_av", lambda: False)
    _probe._memory.clear()
    with pytest.raises(UnreadableAudio, match=r'pip install "sktag\[av\]"'):
        decode(folder / "a.m4a", RATE)


def test_damaged_file_is_named(folder, tmp_path):
    content = (folder / "a.m4a").read_bytes()
    path = tmp_path / "damaged.m4a"
    path.write_bytes(content[:100] + bytes(len(content) - 100))
    with pytest.raises(UnreadableAudio, match=r"damaged\.m4a"):
        decode(path, RATE)


def test_video_without_sound_is_named(tmp_path):
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        image = np.zeros((64, 64, 3), np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
    with pytest.raises(UnreadableAudio, match=r"silent\.mp4"):
        decode(path, RATE)


def test_playlist_opens_no_other_file(folder, tmp_path):
    path = tmp_path / "list.m3u8"
    path.write_text(f"#EXTM3U\n#EXTINF:1.5,\n{folder / 'a.aac'}\n#EXT-X-ENDLIST\n")
    with pytest.raises(UnreadableAudio, match=r"list\.m3u8"):
        decode(path, RATE)


def test_truncated_file_says_what_is_wrong(folder, tmp_path):
    path = tmp_path / "cut.m4a"
    path.write_bytes((folder / "a.m4a").read_bytes()[:2000])
    with pytest.raises(UnreadableAudio, match=r"cut\.m4a.*Invalid data"):
        decode(path, RATE)
