/** What the figures are, in words. The service says it in English and more exactly, with each version. */
import { texts, useText } from "../../language"
import { SECOND } from "./figures"

const messages = texts(
  {
    fid: [
      "FID",
      "How far the drawn pictures, taken together, are from the training pictures in the eyes of a judge, a small network (Fréchet distance).",
    ],
    fid_test: ["FID, test", "The same against test pictures, on which nothing was trained."],
    kid: [
      "KID",
      "Another distance between the same two sets of pictures; around 0 there is no difference to be seen.",
    ],
    kid_test: ["KID, test", "The same against test pictures."],
    density: ["Density", "How deep among the real pictures the drawn ones lie. Below 1, some of them lie apart."],
    coverage: [
      "Coverage",
      "Share of real pictures that have a drawn one nearby. Below the floor, something real is never drawn.",
    ],
    label_accuracy: ["Label accuracy", "Share of pictures that the judge takes for the class that was asked for."],
    cas: [
      "Use as training data",
      "A fresh network learns from drawn pictures alone, then classifies real ones: the share it gets right (CAS).",
    ],
    c2st_accuracy: [
      "Told apart, accuracy",
      "How often a fresh network that was trained for it tells drawn pictures from real ones; 0.5 is guessing.",
    ],
    c2st_auc: ["Told apart, AUC", "The same as the area under the ROC curve; 0.5 is guessing."],
    nearest_training: [
      "Distance to the training pictures",
      "The median distance to the nearest of them. Far below the floor would mean copying.",
    ],
    authenticity: [
      "Authenticity",
      "Share of pictures that are no nearer to a training picture than its own nearest neighbour is. A low share would mean copying.",
    ],
    second: ", second judge",
  },
  {
    fid: [
      "FID",
      "Насколько нарисованные картинки, взятые вместе, далеки от обучающих в глазах судьи — маленькой сети (расстояние Фреше).",
    ],
    fid_test: ["FID, тест", "То же с тестовыми картинками, на которых ничего не обучали."],
    kid: ["KID", "Другое расстояние между теми же множествами картинок; около 0 разницы не видно."],
    kid_test: ["KID, тест", "То же с тестовыми картинками."],
    density: [
      "Плотность",
      "Насколько глубоко среди настоящих картинок лежат нарисованные. Меньше 1 — часть из них лежит в стороне.",
    ],
    coverage: [
      "Охват",
      "Доля настоящих картинок, рядом с которыми есть нарисованная. Ниже планки — что-то настоящее не рисуется никогда.",
    ],
    label_accuracy: ["Точность класса", "Доля картинок, в которых судья узнаёт заказанный класс."],
    cas: [
      "Польза для обучения",
      "Новая сеть учится только на нарисованных картинках и называет настоящие: доля верных ответов (CAS).",
    ],
    c2st_accuracy: [
      "Различимость, точность",
      "Как часто новая сеть, обученная именно этому, отличает нарисованное от настоящего; 0,5 — угадывание.",
    ],
    c2st_auc: ["Различимость, AUC", "То же площадью под ROC-кривой; 0,5 — угадывание."],
    nearest_training: [
      "Расстояние до обучающих картинок",
      "Медиана до ближайшей из них. Намного ниже планки означало бы копирование.",
    ],
    authenticity: [
      "Подлинность",
      "Доля картинок, которые не ближе к обучающей, чем её собственный ближайший сосед. Низкая означала бы копирование.",
    ],
    second: ", второй судья",
  },
)

/** Title of a figure and what it is; both as the service has them where it is one that we do not know. */
export function useFigureNames(): (name: string, what?: string) => { title: string; what: string } {
  const t = useText(messages)
  return (name, what = "") => {
    const isSecond = name.endsWith(SECOND)
    const known: Record<string, readonly string[] | string> = t
    const found = known[isSecond ? name.slice(0, -SECOND.length) : name]
    if (!Array.isArray(found)) return { title: name, what }
    return { title: `${found[0]}${isSecond ? t.second : ""}`, what: found[1] ?? what }
  }
}
