/* A handwritten three, grey values 0 (paper) to 16 (ink). */
#pragma once

/* clang-format off */
static const unsigned char kPicture[64] = {
    0,  2, 13, 16,  4,  0,  0,  0,
    0, 12, 12, 12, 15,  0,  0,  0,
    0,  5,  2,  7, 14,  0,  0,  0,
    0,  0,  3, 15, 15,  7,  0,  0,
    0,  0,  4, 12, 12, 16,  3,  0,
    0,  0,  0,  0,  0, 15,  7,  0,
    0,  3, 16,  8,  9, 16,  6,  0,
    0,  1, 11, 12, 14,  9,  0,  0,
};
