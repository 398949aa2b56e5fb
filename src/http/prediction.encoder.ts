// A prediction -> the body of the answer in the format that was chosen.
import { Injectable } from '@nestjs/common';
import type { Prediction } from '../inference/prediction.js';
import { AnswersInterceptor, type Encoding } from './answers.interceptor.js';
import type { PredictRequest } from './predict.pipe.js';

export interface Predicted {
  readonly request: PredictRequest;
  readonly prediction: Prediction;
}

@Injectable()
export class PredictionEncoder extends AnswersInterceptor<Predicted> {
  protected encode({ request, prediction }: Predicted): Encoding {
    const { encoder } = request;
    return { ...encoder.encodePrediction(prediction, request), by: prediction, mediaType: encoder.mediaTypes[0] };
  }
}
