"""Networks of Keras, small, their weights random: one of each kind of layer and of known shapes."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L


def image(*shape):
    return keras.Input(shape or (32, 32, 3), batch_size=None)


def chain(x, *stack):
    for layer in stack:
        x = layer(x)
    return x


def functional(make, *shape):
    x = image(*shape)
    return keras.Model(x, make(x))


def conv(filters, size=3, **rest):
    return L.Conv2D(filters, size, padding=rest.pop("padding", "same"), **rest)


def lenet(x):
    return chain(x, L.Conv2D(6, 5, activation="tanh"), L.AveragePooling2D(2), L.Conv2D(16, 5),
                 L.MaxPooling2D(), L.Flatten(), L.Dense(84, activation="relu"),
                 L.Dense(10, activation="softmax"))


def vgg(x):
    for filters in (8, 16):
        x = chain(x, conv(filters, activation="relu"), conv(filters, activation="relu"),
                  L.MaxPooling2D())
    return chain(x, L.Flatten(), L.Dropout(0.5), L.Dense(10))


def residual(x):
    x = chain(x, conv(16), L.BatchNormalization(), L.ReLU())
    for filters, stride in ((16, 1), (32, 2)):
        y = chain(x, conv(filters, strides=stride), L.BatchNormalization(), L.ReLU(), conv(filters),
                  L.BatchNormalization())
        x = L.ReLU()(L.Add()([y, conv(filters, 1, strides=stride)(x)]))
    return chain(x, L.GlobalAveragePooling2D(), L.Dense(10, activation="softmax"))


def dense_blocks(x):
    for _ in range(4):
        y = chain(x, L.BatchNormalization(), L.ReLU(), conv(8))
        x = L.Concatenate()([x, y])
    return chain(x, conv(8, 1), L.AveragePooling2D(2), L.GlobalMaxPooling2D())


def inception(x):
    ways = [conv(8, 1)(x), chain(x, conv(4, 1), conv(8, 3)),
            chain(x, conv(4, 1), conv(8, (1, 5)), conv(8, (5, 1))),
            chain(x, L.MaxPooling2D(3, 1, padding="same"), conv(8, 1))]
    return chain(L.Concatenate()(ways), L.AveragePooling2D(3, 2, padding="same"), conv(4))


def unet(x):
    a = conv(8, activation="relu")(x)
    b = conv(16, activation="relu")(L.MaxPooling2D()(a))
    c = conv(32, activation="relu")(L.MaxPooling2D()(b))
    d = L.Concatenate()([L.Conv2DTranspose(16, 3, 2, padding="same")(c), b])
    e = L.Concatenate()([L.Conv2DTranspose(8, 2, 2)(d), a])
    return conv(2, 1, activation="sigmoid")(e)


def squeeze_and_excite(x):
    x = conv(16, activation="swish")(x)
    w = chain(x, L.GlobalAveragePooling2D(keepdims=True), conv(4, 1, activation="relu"),
              conv(16, 1, activation="hard_sigmoid"))
    return L.Multiply()([x, w])


def dilated(x):
    ways = [conv(8, 3, dilation_rate=r, activation="relu")(x) for r in (1, 2, 4)]
    pooled = chain(x, L.GlobalAveragePooling2D(keepdims=True), conv(8, 1),
                   L.UpSampling2D(32, interpolation="bilinear"))
    return conv(4, 1)(L.Concatenate()(ways + [pooled]))


def separable(x):
    return chain(x, L.SeparableConv2D(16, 3, 2, padding="same"), L.DepthwiseConv2D(3, 2),
                 L.Conv2D(16, 3, groups=4, padding="same"), L.ReLU(6.0), L.ZeroPadding2D((1, 2)),
                 L.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), L.Cropping2D(1))


def upsampling(x):
    return chain(x, conv(8), L.UpSampling2D(2), L.UpSampling2D(2, interpolation="bilinear"),
                 L.AveragePooling2D(4), conv(3))


def activations(x):
    ways = [L.Activation(a)(L.Dense(8)(x)) for a in
            ("relu", "elu", "selu", "gelu", "silu", "softplus", "softsign", "tanh", "sigmoid",
             "hard_sigmoid", "mish", "exponential", "log_softmax", "leaky_relu", "relu6")]
    ways += [L.PReLU()(L.Dense(8)(x)), L.LeakyReLU(0.2)(L.Dense(8)(x)), L.ELU(0.7)(L.Dense(8)(x))]
    return L.Concatenate()(ways)


def norms(x):
    return chain(x, conv(8), L.GroupNormalization(4), L.LayerNormalization(), conv(8),
                 L.UnitNormalization(), L.BatchNormalization(scale=False), L.RMSNormalization())


def attention(x):
    y = L.LayerNormalization()(x)
    x = L.Add()([x, L.MultiHeadAttention(4, 8)(y, y)])
    y = chain(x, L.LayerNormalization(), L.Dense(64, activation="gelu"), L.Dense(32))
    return L.Add()([x, y])


def vision_transformer(x):
    x = chain(x, L.Conv2D(32, 8, 8), L.Reshape((16, 32)))
    for _ in range(2):
        x = attention(x)
    return chain(x, L.GlobalAveragePooling1D(), L.Dense(10))


def mixer(x):
    x = chain(x, L.Conv2D(16, 8, 8), L.Reshape((16, 16)))
    y = chain(x, L.LayerNormalization(), L.Permute((2, 1)), L.Dense(16, activation="gelu"),
              L.Permute((2, 1)))
    x = L.Add()([x, y])
    return chain(x, L.Dense(16, activation="gelu"), L.Flatten(), L.Dense(10))


def convnext(x):
    x = chain(x, L.Conv2D(16, 4, 4), L.LayerNormalization(epsilon=1e-6))
    y = chain(x, L.DepthwiseConv2D(7, padding="same"), L.LayerNormalization(), L.Dense(64),
              L.Activation("gelu"), L.Dense(16))
    return chain(L.Add()([x, y]), L.GlobalAveragePooling2D(), L.Dense(10))


def wavenet(x):
    for rate in (1, 2, 4):
        y = L.Multiply()([L.Conv1D(8, 2, dilation_rate=rate, padding="causal", activation=a)(x)
                          for a in ("tanh", "sigmoid")])
        x = L.Add()([L.Conv1D(8, 1)(x), L.Conv1D(8, 1)(y)])
    return x


def preprocessing(x):
    return chain(x, L.Rescaling(1 / 127.5, -1), L.Normalization(mean=[0.1, 0.2, 0.3],
                                                                variance=[0.5, 0.6, 0.7]),
                 L.CenterCrop(24, 24), L.Resizing(12, 16), conv(4))


def words(make):
    x = keras.Input((12,), dtype="int32")
    return keras.Model(x, make(x))


def two_of_each():
    a, b = keras.Input((8,), name="left"), keras.Input((4,), name="right")
    x = L.Concatenate()([L.Dense(8, activation="relu")(a), b])
    return keras.Model([a, b], {"sum": L.Dense(1, name="s")(x),
                                "product": L.Dot(1)([L.Dense(4)(a), b])})


class Newton(tf.Module):
    """Plain TensorFlow: a loop, a branch, slices, an Einsum, TopK."""
    def __init__(self):
        super().__init__()
        self.w = tf.Variable(np.random.default_rng(3).normal(size=(6, 6)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 6], tf.float32, name="x")])
    def __call__(self, x):
        y = tf.einsum("bi,ij->bj", x, self.w)
        total = tf.zeros_like(y)
        for i in tf.range(3):
            total += y / (1.0 + tf.cast(i, tf.float32))
        if tf.reduce_sum(x) > 0:
            total = total * 2.0
        values, places = tf.math.top_k(total, 3)
        return {"values": values, "picked": tf.gather(y, places, batch_dims=1),
                "tail": total[:, -2:, tf.newaxis], "hot": tf.one_hot(places, 6)}


def application(make, size=32, **rest):
    return make(weights=None, input_shape=(size, size, 3), classes=10, **rest)


def networks():
    app = keras.applications
    steps = (16, 8)
    yield "lenet", lambda: functional(lenet, 28, 28, 1)
    yield "vgg", lambda: functional(vgg)
    yield "residual", lambda: functional(residual)
    yield "dense_blocks", lambda: functional(dense_blocks)
    yield "inception", lambda: functional(inception)
    yield "unet", lambda: functional(unet)
    yield "squeeze_and_excite", lambda: functional(squeeze_and_excite)
    yield "dilated", lambda: functional(dilated)
    yield "separable", lambda: functional(separable)
    yield "upsampling", lambda: functional(upsampling)
    yield "activations", lambda: functional(activations, 16)
    yield "norms", lambda: functional(norms, 8, 8, 3)
    yield "attention", lambda: functional(attention, 10, 32)
    yield "vision_transformer", lambda: functional(vision_transformer)
    yield "mixer", lambda: functional(mixer)
    yield "convnext", lambda: functional(convnext)
    yield "wavenet", lambda: functional(wavenet, 32, 4)
    yield "preprocessing", lambda: functional(preprocessing)
    yield "conv_1d", lambda: functional(lambda x: chain(
        x, L.Conv1D(8, 3, 2, padding="same", activation="relu"), L.MaxPooling1D(),
        L.Conv1DTranspose(4, 3, 2), L.GlobalMaxPooling1D()), 24, 4)
    yield "conv_3d", lambda: functional(lambda x: chain(
        x, L.Conv3D(4, 3, padding="same"), L.MaxPooling3D(), L.Conv3DTranspose(2, 2, 2),
        L.AveragePooling3D(2)), 8, 8, 8, 2)
    yield "mlp", lambda: functional(lambda x: chain(
        x, L.Dense(32, activation="relu"), L.Dense(16), L.Dense(32, activation="sigmoid")), 32)
    yield "rnn", lambda: functional(lambda x: L.SimpleRNN(8, return_sequences=True)(x), *steps)
    yield "lstm", lambda: functional(lambda x: L.LSTM(8)(x), *steps)
    yield "lstm_sequence", lambda: functional(lambda x: chain(
        x, L.LSTM(8, return_sequences=True), L.LSTM(4, go_backwards=True)), *steps)
    yield "gru", lambda: functional(lambda x: L.GRU(8, return_sequences=True)(x), *steps)
    yield "bidirectional", lambda: functional(lambda x: L.Bidirectional(L.LSTM(8))(x), *steps)
    yield "conv_lstm", lambda: functional(lambda x: L.ConvLSTM2D(4, 3, padding="same")(x),
                                          4, 8, 8, 2)
    yield "time_distributed", lambda: functional(lambda x: L.TimeDistributed(conv(4))(x),
                                                 3, 8, 8, 2)
    yield "embedding", lambda: words(lambda x: chain(x, L.Embedding(50, 8),
                                                     L.GlobalAveragePooling1D(), L.Dense(4)))
    yield "masked_lstm", lambda: words(lambda x: chain(x, L.Embedding(50, 8, mask_zero=True),
                                                       L.LSTM(8), L.Dense(2)))
    yield "two_of_each", two_of_each
    yield "newton", Newton
    yield "mobilenet", lambda: application(app.MobileNet, alpha=0.25)
    yield "mobilenet_v2", lambda: application(app.MobileNetV2, alpha=0.35)
    yield "mobilenet_v3", lambda: application(app.MobileNetV3Small, alpha=0.75)
    yield "efficientnet", lambda: application(app.EfficientNetB0)
    yield "efficientnet_v2", lambda: application(app.EfficientNetV2B0)
    yield "mobilenet_v3_large", lambda: application(app.MobileNetV3Large, alpha=0.75)
    yield "resnet_v2", lambda: application(app.ResNet50V2)
    yield "densenet", lambda: application(app.DenseNet121)
    yield "xception", lambda: application(app.Xception, 71)
    yield "inception_v3", lambda: application(app.InceptionV3, 75)
    yield "nasnet", lambda: application(app.NASNetMobile)
    yield "convnext_tiny", lambda: application(app.ConvNeXtTiny)
