/**
 * List prices of AWS in us-east-1, in dollars, without free tiers and discounts. They are those under which [CMP24]
 * (Barrak et al., "Advancing Serverless ML Training Architectures via Comparative Approach", draft of April 2024)
 * states its costs, from aws.amazon.com/lambda, /s3, /ec2, /elasticache, /step-functions and /sqs pricing; the one file
 * to change when they change.
 */
export const PRICES = {
  region: 'us-east-1',
  /** of functions on arm64, for a GB (2^30 bytes) and second; on x86 1.66667e-5 */
  lambdaGigabyteSecond: 1.33334e-5,
  lambdaRequest: 0.2e-6,
  s3Put: 5e-6,
  s3List: 5e-6,
  s3Get: 4e-7,
  stepFunctionsTransition: 2.5e-5,
  queueRequest: 4e-7,
  /** instances, for an hour */
  hour: {
    /** c5.xlarge: the database of each SPIRT peer */
    spirtDatabase: 0.17,
    /** g4dn.xlarge: a worker of the GPU baseline */
    gpu: 0.526,
    /** MLLess's one small Redis */
    smallDatabase: 0.048,
    /** MLLess's message broker */
    broker: 0.027
  }
} as const

export type Prices = typeof PRICES
