// POST /v1/models/{model}/predict, with and without a version.
import { Controller, HttpCode, Post, UseInterceptors } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Needs } from '../access/needs.js';
import { InferenceService } from '../inference/inference.service.js';
import { AnswersInterceptor } from './answers.interceptor.js';
import type { PredictRequest } from './predict.pipe.js';
import { Predict } from './predict.pipe.js';
import { DescribePredict } from './predict.docs.js';
import { PredictionEncoder, type Predicted } from './prediction.encoder.js';

@ApiTags('predict')
@Controller('v1/models/:model')
@UseInterceptors(AnswersInterceptor, PredictionEncoder)
export class PredictController {
  constructor(private readonly inference: InferenceService) {}

  @Post('predict')
  @Needs('predict')
  @HttpCode(200)
  @DescribePredict('Predict with the newest version that is ready')
  async predict(@Predict() request: PredictRequest): Promise<Predicted> {
    return { request, prediction: await this.inference.predict(request.ref, request.input, request.outputs, request.call) };
  }

  @Post('versions/:version/predict')
  @Needs('predict')
  @HttpCode(200)
  @DescribePredict('Predict with one version', true)
  async predictVersion(@Predict() request: PredictRequest): Promise<Predicted> {
    return this.predict(request);
  }
}
