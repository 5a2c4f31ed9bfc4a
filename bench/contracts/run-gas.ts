import { gas } from './gas.ts'
for await (const figure of gas((line) => console.error(line))) console.log(figure.name, figure.value, figure.bar, figure.note)
