/** Part of step 5: a second use of GANs, super-resolution. */
import { Link } from "wouter-preact"
import { texts, useText } from "../../language"

const messages = texts(
  {
    title: "A second use: sharpening pictures",
    task: "A GAN can also restore a shrunk or blurred picture (super-resolution). The generator receives the degraded picture as well as the noise. The discriminator receives the same degraded picture and a sharp one, and decides whether the sharp one is the real original or an output of the generator.",
    many: "Shrinking to 7×7 keeps 49 of 784 numbers. Many originals have the same 49 numbers, so the lost details cannot be recovered. The generator draws plausible details, and each noise vector gives different ones. Its output is therefore one of many plausible originals, not the true one.",
    mean: "A network trained with mean squared error solves a different problem. Its best output is the mean of all plausible originals. This mean is blurry, but closer to them on average than any single one. Such a network therefore has a higher PSNR (peak signal-to-noise ratio: the smaller the squared error, the higher it is) than a GAN with sharp outputs.",
    tradeoff: "No method can be best at both: ",
    paper: "the perception-distortion trade-off (Blau and Michaeli, 2018)",
    try: "The page Sharpen shows sixteen outputs, their mean, and the PSNR of both.",
    link: "Sharpen a picture",
  },
  {
    title: "Второе применение: повышение резкости",
    task: "GAN может также восстанавливать уменьшенную или размытую картинку (сверхразрешение). Генератор получает, кроме шума, искажённую картинку. Дискриминатор получает ту же искажённую картинку и ещё одну, резкую, и решает, настоящий ли это оригинал или результат генератора.",
    many: "При уменьшении до 7×7 из 784 чисел остаётся 49. Эти 49 чисел одинаковы у множества оригиналов, поэтому потерянные детали восстановить нельзя. Генератор рисует правдоподобные детали, и каждый вектор шума даёт другие. Поэтому результат — один из многих правдоподобных оригиналов, а не настоящий.",
    mean: "Сеть, обученная по среднеквадратичной ошибке, решает другую задачу. Её лучший результат — среднее всех правдоподобных оригиналов. Оно размыто, но в среднем ближе к ним, чем любой из них. Поэтому у такой сети PSNR (пиковое отношение сигнала к шуму: чем меньше квадрат ошибки, тем оно выше) выше, а у GAN с резкими результатами — ниже.",
    tradeoff: "Ни один метод не может быть лучшим в обоих отношениях: это ",
    paper: "компромисс между восприятием и искажением (Blau, Michaeli, 2018)",
    try: "На странице «Резкость» видны шестнадцать результатов, их среднее и PSNR.",
    link: "Повысить резкость картинки",
  },
)

export function SharpeningSection() {
  const t = useText(messages)
  return (
    <section aria-labelledby="second">
      <h3 id="second">{t.title}</h3>
      <p>{t.task}</p>
      <p>{t.many}</p>
      <p>{t.mean}</p>
      <p>
        {t.tradeoff}
        <a href="https://arxiv.org/abs/1711.06077">{t.paper}</a>.
      </p>
      <p>{t.try}</p>
      <p class="row onward">
        <Link class="button primary" href="/sharpen">
          {t.link}
        </Link>
      </p>
    </section>
  )
}
