/** Messages shared by the model pages. */
import { texts } from "../../language"

export const messages = texts(
  {
    models: "Models",
    intro:
      "A model has numbered versions. The pictures of a version never change. One version is the champion, which is used unless a request names another. The operator of the service may choose the champion for reasons other than its metrics, for example its speed.",
    breadcrumbs: "Breadcrumbs",
    champion: "champion",
    previous: "previous champion",
    isDefault: "default model",
    generate: "draws pictures",
    sharpen: "sharpens pictures",
    refused: "not served",
    noVersions:
      "There are no models. Copy one into the models folder, or train one with python -m training. Then reload this page.",
    versions: (name: string) => `Versions of ${name}`,
    version: "version",
    state: "state",
    loaded: "in memory",
    available: "on disk",
    created: "created",
    preset: "preset",
    images: "images",
    championDraws: (name: string, version: number) => `Seeds 0 to 39 by the champion ${name}/${version}`,
    draws: (seeds: string, version: number) => `Seeds ${seeds} by version ${version}`,
    samplesOfSharpener: (name: string) =>
      `Eight test pictures in rows. From left to right: the original; the picture shrunk to 14×14 and one output; shrunk to 7×7 and three outputs; blurred with σ = 2 and two outputs. By ${name}`,
    samples: "Samples of each version",
    figures: "Metrics of the champion",
    real: "real",
    sameSeeds: "The same seeds by every version",
    sameSeedsHint:
      "Newest first. A seed gives every version the same latent vector, so all differences come from training.",
    seeds: "Seeds",
    seedsHint: "For example 0-39 or 7,42,100-120. At most 80 are recommended.",
    all: (count: number) => `Show all ${count} versions`,
    look: "Metrics, training and model card",
  },
  {
    models: "Модели",
    intro:
      "У модели есть пронумерованные версии. Картинки версии никогда не меняются. Одна из версий — чемпион: она используется, если в запросе не указана другая. Администратор сервиса может выбрать чемпиона не только по метрикам, но и, например, по скорости.",
    breadcrumbs: "Навигация",
    champion: "чемпион",
    previous: "прежний чемпион",
    isDefault: "модель по умолчанию",
    generate: "рисует картинки",
    sharpen: "повышает резкость",
    refused: "недоступна",
    noVersions:
      "Моделей нет. Скопируйте модель в папку моделей или обучите её с помощью python -m training, затем обновите страницу.",
    versions: name => `Версии модели ${name}`,
    version: "версия",
    state: "состояние",
    loaded: "в памяти",
    available: "на диске",
    created: "создана",
    preset: "пресет",
    images: "картинок",
    championDraws: (name, version) => `Зёрна от 0 до 39, чемпион ${name}/${version}`,
    draws: (seeds, version) => `Зёрна ${seeds}, версия ${version}`,
    samplesOfSharpener: name =>
      `Восемь тестовых картинок, по одной в строке. Слева направо: оригинал; картинка, уменьшенная до 14×14, и результат; уменьшенная до 7×7 и три результата; размытая с σ = 2 и два результата. ${name}`,
    samples: "Примеры каждой версии",
    figures: "Метрики чемпиона",
    real: "настоящие",
    sameSeeds: "Одни и те же зёрна у каждой версии",
    sameSeedsHint:
      "Сначала новые. Зерно даёт каждой версии один и тот же латентный вектор, поэтому все различия возникли при обучении.",
    seeds: "Зёрна",
    seedsHint: "Например, 0-39 или 7,42,100-120. Рекомендуется не больше 80.",
    all: count => `Показать все версии: ${count}`,
    look: "Метрики, обучение и карточка",
  },
)
