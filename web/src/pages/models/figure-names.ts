/** Names and short descriptions of the metrics. Each version has more precise descriptions in English. */
import { texts, useText } from "../../language"
import { partsOf } from "./figures"

const messages = texts(
  {
    fid: [
      "FID",
      "Fréchet distance between the generated and the training pictures, in the features of the judge, a small classifier.",
    ],
    fid_test: ["FID, test", "The same distance to test pictures, which were not used for training."],
    kid: ["KID", "Another distance between the same two sets of pictures. Near 0, no difference is measurable."],
    kid_test: ["KID, test", "The same distance to test pictures."],
    density: [
      "Density",
      "How close generated pictures are to real ones. Below 1, some are far from all real pictures.",
    ],
    coverage: [
      "Coverage",
      "Share of real pictures with a generated one nearby. Below the floor, some kinds of real pictures are never generated.",
    ],
    label_accuracy: ["Label accuracy", "Share of pictures that the judge classifies as the requested class."],
    cas: [
      "Quality as training data",
      "Accuracy on real pictures of a classifier trained only on generated ones (CAS).",
    ],
    c2st_accuracy: [
      "Two-sample test, accuracy",
      "Accuracy of a classifier trained to distinguish generated from real pictures (C2ST). 0.5 is chance.",
    ],
    c2st_auc: ["Two-sample test, AUC", "Area under the ROC curve of the same classifier. 0.5 is chance."],
    c2st_faint: [
      "Two-sample test, faint levels",
      "Accuracy of a classifier that sees only grey levels up to 16, stretched.",
    ],
    c2st_visible: [
      "Two-sample test, visible levels",
      "Accuracy of a classifier that sees only grey levels above 16.",
    ],
    c2st_coarse: ["Two-sample test, coarse shapes", "Accuracy of a classifier that sees means of 2×2 pixels."],
    copied: [
      "Copies",
      "Share of pictures that are less than half as far from a training picture as that picture's nearest neighbour.",
    ],
    nearest_training: [
      "Distance to the training pictures",
      "Median distance to the nearest training picture. Far below the floor indicates copying.",
    ],
    authenticity: [
      "Authenticity",
      "Share of pictures that are no nearer to a training picture than that picture's own nearest neighbour. A low share indicates copying.",
    ],
    second: ", second judge",
    /** The metrics of a sharpener. */
    output_psnr: ["PSNR", "Peak signal-to-noise ratio of the output to the original, in dB."],
    output_ssim: ["SSIM", "Structural similarity of output and original."],
    output_label_accuracy: ["Label accuracy", "Share of outputs that the judge classifies as the original's class."],
    output_fid: ["FID", "Fréchet distance between the outputs and the originals, in the features of the judge."],
    output_kid: ["KID", "Another distance between the same two sets of pictures."],
    output_c2st_accuracy: [
      "Two-sample test, accuracy",
      "Accuracy of a classifier trained to distinguish outputs from originals (C2ST). 0.5 is chance.",
    ],
    output_consistency: [
      "Consistency",
      "Mean difference, in grey levels, between the input and the output, degraded again.",
    ],
    output_consistency_worst: [
      "Consistency, worst pixel",
      "The largest difference, in grey levels, between the input and the output, degraded again.",
    ],
    output_diversity: ["Diversity", "Mean difference, in grey levels, between the outputs of two seeds."],
    shrink2: "14×14",
    shrink4: "7×7",
    blur1: "blur σ = 1",
    blur2: "blur σ = 2",
  },
  {
    fid: [
      "FID",
      "Расстояние Фреше между сгенерированными и обучающими картинками в признаках судьи — небольшого классификатора.",
    ],
    fid_test: ["FID, тест", "То же расстояние до тестовых картинок, которые не использовались при обучении."],
    kid: ["KID", "Другое расстояние между теми же наборами картинок. Около 0 разница неразличима."],
    kid_test: ["KID, тест", "То же расстояние до тестовых картинок."],
    density: [
      "Плотность",
      "Насколько сгенерированные картинки близки к настоящим. Меньше 1 — часть из них далека от всех настоящих.",
    ],
    coverage: [
      "Охват",
      "Доля настоящих картинок, рядом с которыми есть сгенерированная. Ниже эталона — некоторые виды картинок не генерируются.",
    ],
    label_accuracy: ["Точность класса", "Доля картинок, которые судья относит к запрошенному классу."],
    cas: [
      "Пригодность для обучения",
      "Точность на настоящих картинках классификатора, обученного только на сгенерированных (CAS).",
    ],
    c2st_accuracy: [
      "Двухвыборочный тест, точность",
      "Точность классификатора, обученного отличать сгенерированные картинки от настоящих (C2ST). 0,5 — ответы наугад.",
    ],
    c2st_auc: ["Двухвыборочный тест, AUC", "Площадь под ROC-кривой того же классификатора. 0,5 — ответы наугад."],
    c2st_faint: [
      "Двухвыборочный тест, тёмные уровни",
      "Точность классификатора, который видит только уровни до 16, растянутые.",
    ],
    c2st_visible: [
      "Двухвыборочный тест, видимые уровни",
      "Точность классификатора, который видит только уровни выше 16.",
    ],
    c2st_coarse: [
      "Двухвыборочный тест, крупные формы",
      "Точность классификатора, который видит средние по 2×2 пикселям.",
    ],
    copied: ["Копии", "Доля картинок, которые вдвое ближе к обучающей картинке, чем её ближайший сосед."],
    nearest_training: [
      "Расстояние до обучающих картинок",
      "Медианное расстояние до ближайшей обучающей картинки. Намного ниже эталона — признак копирования.",
    ],
    authenticity: [
      "Подлинность",
      "Доля картинок, которые не ближе к обучающей картинке, чем её собственный ближайший сосед. Низкая доля — признак копирования.",
    ],
    second: ", второй судья",
    output_psnr: ["PSNR", "Отношение пикового сигнала к шуму для результата относительно оригинала, в дБ."],
    output_ssim: ["SSIM", "Структурное сходство результата и оригинала."],
    output_label_accuracy: ["Точность класса", "Доля результатов, которые судья относит к классу оригинала."],
    output_fid: ["FID", "Расстояние Фреше между результатами и оригиналами в признаках судьи."],
    output_kid: ["KID", "Другое расстояние между теми же наборами картинок."],
    output_c2st_accuracy: [
      "Двухвыборочный тест, точность",
      "Точность классификатора, обученного отличать результаты от оригиналов (C2ST). 0,5 — ответы наугад.",
    ],
    output_consistency: [
      "Согласованность",
      "Средняя разница в градациях серого между входом и результатом, искажённым снова.",
    ],
    output_consistency_worst: [
      "Согласованность, худший пиксель",
      "Наибольшая разница в градациях серого между входом и результатом, искажённым снова.",
    ],
    output_diversity: ["Разнообразие", "Средняя разница в градациях серого между результатами двух зёрен."],
    shrink2: "14×14",
    shrink4: "7×7",
    blur1: "размытие σ = 1",
    blur2: "размытие σ = 2",
  },
)

/** Title and description of a metric. For unknown metrics, its name and the service's description. */
export function useFigureNames(): (name: string, what?: string) => { title: string; what: string } {
  const t = useText(messages)
  return (name, what = "") => {
    const { metric, isSecond, test } = partsOf(name)
    const known: Record<string, readonly string[] | string> = t
    const found = known[test ? `output_${metric}` : metric]
    if (!Array.isArray(found)) return { title: name, what }
    const title = `${found[0]}${test ? `, ${t[test]}` : ""}${isSecond ? t.second : ""}`
    return { title, what: found[1] ?? what }
  }
}

/** The metrics with their descriptions, one for all tests and judges. Unknown metrics are left out. */
export function useFigureNotes(): (names: readonly string[]) => { title: string; what: string }[] {
  const t = useText(messages)
  return names => {
    const known: Record<string, readonly string[] | string> = t
    const keys = names.map(name => {
      const { metric, test } = partsOf(name)
      return test ? `output_${metric}` : metric
    })
    return [...new Set(keys)].flatMap(key => {
      const [title, what] = known[key] ?? []
      return title && what && Array.isArray(known[key]) ? [{ title, what }] : []
    })
  }
}
