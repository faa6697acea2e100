"""OpenCV's T-API: the same calls as on ordinary arrays, computed by OpenCL. What they compute goes to stdout raw."""

import sys

import cv2
import numpy as np

cv2.ocl.setUseOpenCL(True)
if not cv2.ocl.useOpenCL():
    sys.exit("OpenCV doesn't use OpenCL")

# A picture with edges, gradients and noise, the same each time.
y, x = np.mgrid[0:240, 0:320]
noise = np.random.RandomState(7).randint(0, 32, (240, 320))
picture = np.dstack([(x * 200 // 320 + noise), (y + noise) % 256, ((x // 16 + y // 16) % 2 * 200 + noise)]).astype(np.uint8)

color = cv2.UMat(picture)
gray = cv2.cvtColor(color, cv2.COLOR_BGR2GRAY)
floats = cv2.multiply(gray, 1 / 255.0, dtype=cv2.CV_32F)
kernel = np.outer([1, 3, 5, 3, 1], [1, 3, 5, 3, 1]).astype(np.float32) / 169
turn = cv2.getRotationMatrix2D((160, 120), 30, 0.8)

results = {
    "gray": gray,
    "yuv": cv2.cvtColor(color, cv2.COLOR_BGR2YUV),
    "blur": cv2.GaussianBlur(color, (9, 9), 2.5),
    "box": cv2.blur(floats, (5, 7)),
    "median": cv2.medianBlur(gray, 5),
    "bilateral": cv2.bilateralFilter(gray, 7, 40, 5),
    "filter": cv2.filter2D(floats, -1, kernel),
    "sobel": cv2.Sobel(gray, cv2.CV_16S, 1, 0),
    "laplacian": cv2.Laplacian(gray, cv2.CV_32F, ksize=3),
    "edges": cv2.Canny(gray, 60, 120),
    "eroded": cv2.erode(color, np.ones((3, 3), np.uint8), iterations=2),
    "opened": cv2.morphologyEx(gray, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)),
    "smaller": cv2.resize(color, (133, 100), interpolation=cv2.INTER_AREA),
    "larger": cv2.resize(gray, (500, 400), interpolation=cv2.INTER_LINEAR),
    "turned": cv2.warpAffine(color, turn, (320, 240)),
    "threshold": cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 11, 3),
    "equalized": cv2.equalizeHist(gray),
    "integral": cv2.integral(gray),
    "spectrum": cv2.dft(floats, flags=cv2.DFT_COMPLEX_OUTPUT),
    "product": cv2.gemm(floats, floats, 0.5, None, 0, flags=cv2.GEMM_2_T),
    "match": cv2.matchTemplate(gray, cv2.UMat(gray, (100, 130), (100, 140)), cv2.TM_CCOEFF_NORMED),
    "pyramid": cv2.pyrUp(cv2.pyrDown(gray)),
    "root": cv2.sqrt(floats),
    "flipped": cv2.flip(cv2.transpose(color), 1),
}
for result in results.values():
    sys.stdout.buffer.write(result.get().tobytes())
flow = cv2.calcOpticalFlowFarneback(gray, cv2.flip(gray, 1), None, 0.5, 3, 15, 3, 5, 1.2, 0)
sys.stdout.buffer.write(flow.get().tobytes())
sums = cv2.mean(color), cv2.norm(gray), cv2.minMaxLoc(floats), cv2.countNonZero(gray)
print(sums)
