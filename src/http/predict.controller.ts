// POST /v1/models/{model}/predict, with and without a version.
import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Needs } from '../access/needs.js';
import { InferenceService } from '../inference/inference.service.js';
import type { Delivered } from './exchange.js';
import type { PredictRequest } from './predict.pipe.js';
import { Predict } from './predict.pipe.js';
import { DescribePredict } from './predict.docs.js';

@ApiTags('predict')
@Controller('v1/models/:model')
export class PredictController {
  constructor(private readonly inference: InferenceService) {}

  @Post('predict')
  @Needs('predict')
  @HttpCode(200)
  @DescribePredict('Predict with the newest version that is ready')
  async predict(@Predict() { ref, input, outputs, call, answer }: PredictRequest): Promise<Delivered> {
    return answer(await this.inference.predict(ref, input, outputs, call));
  }

  @Post('versions/:version/predict')
  @Needs('predict')
  @HttpCode(200)
  @DescribePredict('Predict with one version', true)
  async predictVersion(@Predict() request: PredictRequest): Promise<Delivered> {
    return this.predict(request);
  }
}
